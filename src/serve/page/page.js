// Shows within a glance what the device sees and decides, in any browser, and says so when it no
// longer can. Plain JavaScript without a build step: what a browser runs is what stands in here.

const MINUTE = 60_000;
// The server sends at least once a second, so a silence this long is a dead connection.
const SILENCE = 6_000;
// Pictures come several times a second: after this long without one, answers no longer wait for theirs.
const PICTURE_SILENCE = 2_000;
const STAGES = ["capture", "decode", "preprocess", "inference", "total"];
const CAUSES = ["newer", "camera", "damaged", "paced", "still"];
const ANSWERS_KEPT = 24;

const $ = (id) => document.getElementById(id);
const now = () => performance.now();
const grouped = new Intl.NumberFormat("en");

const link = { turn: 0, timer: 0, failures: 0, events: null, heard: 0, up: false };
const view = { status: null, state: null, at: 0, decidedAt: null, lostAt: null, paused: false };
// The frame whose picture is seen, and answers that came before their pictures.
const pairing = { frame: null, at: -Infinity, records: new Map(), reading: null };
const minute = [];

// ---- Words and numbers

// Text only, never markup: labels and file names are anyone's.
function element(name, className = "", text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

// Untouched text keeps selections, and costs nothing to draw.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function number(value, digits = 1) {
  return value == null ? "–" : value.toFixed(digits);
}

// Three significant figures: the width stays while the magnitude changes.
function millis(value) {
  if (value == null) return "–";
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : grouped.format(Math.round(value));
}

function span(milliseconds) {
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

// Independent labels are all named, others one.
function verdict(record) {
  if (record.labels) return record.labels.join(", ") || `none, perhaps ${record.label}`;
  return record.unknown ? `unknown, perhaps ${record.label}` : record.label;
}

// ---- What is said aloud

let saidDecision = "";

// A new node each time, or the same words are not read out twice.
function say(text) {
  $("said").replaceChildren(text);
}

// A decision that flickers is not read out until it has stood for a second.
function sayDecision() {
  if (!view.state?.record || view.decidedAt === null || now() - view.decidedAt < 1000) return;
  const text = verdict(view.state.record);
  if (text !== saidDecision) say(text);
  saidDecision = text;
}

// ---- Notices: the line that says whether what is shown can be trusted

// Each is a level, what is said, and what is only seen because it changes every second.
function notices() {
  const { status, state, lostAt, paused } = view;
  if (paused) return [["note", "Paused"]];
  if (!link.up && link.failures === 0) return [["note", "Connecting"]];
  if (!link.up) return [["fault", "No connection to the server. Trying again"]];
  const list = [];
  if (!status.ready) list.push(["note", "Warming up: the model is tried before it answers"]);
  if (lostAt !== null) {
    list.push(["fault", "Source lost", ` for ${span(now() - lostAt)}. What is shown is the last of it. Trying again`]);
  }
  if (state?.record?.doubt) list.push(["warn", `Doubt: ${state.record.doubt}`]);
  return list.length ? list : [["fine", status.source ? "Live" : "Ready"]];
}

function showNotices() {
  const list = notices();
  const items = $("notices");
  while (items.children.length > list.length) items.lastChild.remove();
  while (items.children.length < list.length) items.append(element("li"));
  list.forEach(([level, text, more = ""], i) => {
    const item = items.children[i];
    if (item.dataset.key !== text && level !== "fine") say(text);
    item.dataset.key = text;
    item.dataset.level = level;
    put(item, text + more);
  });
  document.body.toggleAttribute("data-stale", !link.up || view.lostAt !== null);
}

// ---- Bars, shared by the live decision and by answers

function bar() {
  const item = element("li");
  const track = element("span", "track");
  track.append(element("i", "fill"));
  item.append(element("span", "name"), track, element("span", "value"));
  return item;
}

function showBars(list, { top, labels }) {
  while (list.children.length > top.length) list.lastChild.remove();
  while (list.children.length < top.length) list.append(bar());
  top.forEach(({ label, score }, i) => {
    const [name, track, value] = list.children[i].children;
    put(name, label);
    name.title = label;
    track.firstChild.style.transform = `scaleX(${Math.min(1, Math.max(0, score))})`;
    put(value, number(score, 3));
    list.children[i].toggleAttribute("data-there", labels?.includes(label) ?? false);
  });
}

// ---- The live figures

function showRecord(record) {
  const text = verdict(record);
  const label = $("label");
  put(label, text);
  label.title = text;
  label.dataset.length = text.length > 24 ? "long" : text.length > 12 ? "middle" : "short";
  document.body.toggleAttribute("data-unknown", record.unknown);
  label.dataset.frame = record.frame;
  put($("score"), number(record.score, 3));
  showBars($("bars"), record);
  put($("frame-age"), millis(record.frame_age_ms));
  put($("dropped"), grouped.format(record.dropped));
  put($("outages"), grouped.format(record.drops?.outages ?? 0));
  for (const cause of CAUSES) put($(`drop-${cause}`), grouped.format(record.drops?.[cause] ?? 0));
  showRuntime(record);
}

// An answer is shown with the picture that it is about, which takes longer to come.
function showWithPicture(record) {
  pairing.records.set(record.frame, record);
  for (const frame of pairing.records.keys()) if (pairing.records.size > 32) pairing.records.delete(frame);
  if (record.frame === pairing.frame || now() - pairing.at > PICTURE_SILENCE) showRecord(record);
}

function showAge() {
  if (view.decidedAt === null) put($("age"), "");
  else put($("age"), link.up && view.lostAt === null ? `for ${span(now() - view.decidedAt)}` : "last answer");
}

function showRuntime({ model, engine, provider }) {
  put($("model"), model);
  put($("engine"), `${engine}, ${provider}`);
}

// Means, because no one can read numbers that change ten times a second.
function showStages() {
  const recent = minute.filter((point) => point.at > view.at - 1000 && point.timing);
  if (recent.length === 0) return;
  STAGES.forEach((stage, i) => {
    const mean = recent.reduce((sum, point) => sum + point.timing[stage], 0) / recent.length;
    put($(stage), millis(mean));
    const part = $("stack").children[i];
    if (part) part.style.flexGrow = mean;
  });
}

function showState(state) {
  const at = now();
  Object.assign(view, { state, at });
  view.decidedAt = state.decided_ms == null ? null : at - state.decided_ms;
  const lostAt = state.lost_ms == null ? null : at - state.lost_ms;
  // What stands between may have cut a picture that did not move for long.
  if (lostAt === null && view.lostAt !== null) startVideo();
  view.lostAt = lostAt;
  put($("fps"), number(state.fps));
  put($("classified"), grouped.format(state.classified));
  put($("viewers"), grouped.format(state.viewers));
  if (state.record) {
    remember(state, at);
    showWithPicture(state.record);
    showStages();
  }
  showAge();
}

function showStatus(status) {
  view.status = status;
  document.body.dataset.mode = status.source ? "live" : "images";
  showRuntime(status);
  put($("source"), status.source ?? "–");
  put($("uptime"), span(status.uptime_s * 1000));
  put($("queue"), `${status.queue.depth} of ${status.queue.capacity}`);
}

// ---- The last minute

function remember({ record, lost_ms: lost }, at) {
  const gone = lost != null;
  minute.push({
    at,
    score: gone ? null : record.score,
    age: gone ? null : record.frame_age_ms,
    label: verdict(record),
    timing: gone ? null : record.timing_ms,
  });
  while (minute[0].at < at - MINUTE) minute.shift();
}

const across = (at, end) => ((at - end) / MINUTE + 1) * 600;

// A gap in the data is a gap in the line: nothing is made up between.
function trace(key, most, end) {
  let before = -Infinity;
  let path = "";
  for (const point of minute.filter((point) => point[key] != null)) {
    const y = 47 - (46 * Math.min(point[key], most)) / most;
    path += `${point.at - before > 2500 ? "M" : "L"}${across(point.at, end).toFixed(1)} ${y.toFixed(1)}`;
    before = point.at;
  }
  return path;
}

// The next of 1, 2, 5, 10, 20 … so that the scale seldom moves.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

function showChart(chart, key, most, end, marks, text) {
  const values = minute.map((point) => point[key]).filter((value) => value != null);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [null, null];
  const top = most ?? ceiling(high ?? 1);
  const [mark, line] = chart.querySelectorAll("path");
  mark.setAttribute("d", marks);
  line.setAttribute("d", trace(key, top, end));
  const [scale, range] = chart.querySelectorAll("span");
  put(scale, `0 to ${top}`);
  put(range, `${text(low)} to ${text(high)}`);
  const name = `${chart.querySelector("b").textContent} in the last minute: ${range.textContent}`;
  chart.querySelector("svg").setAttribute("aria-label", name);
}

function showMinute() {
  const end = now();
  const changes = minute.filter((point, i) => i > 0 && point.label !== minute[i - 1].label);
  const marks = changes.map((point) => `M${across(point.at, end).toFixed(1)} 0V48`).join("");
  put($("changes"), `${changes.length} ${changes.length === 1 ? "change" : "changes"} of the label`);
  showChart($("score-chart"), "score", 1, end, marks, (value) => number(value, 3));
  showChart($("age-chart"), "age", null, end, marks, millis);
}

// ---- The picture

// A recent frame stays on a canvas below, so that a stream that breaks or is let go of does not blank the screen.
function freeze() {
  const { hidden, naturalWidth: width, naturalHeight: height } = $("video");
  if (hidden || !width) return;
  Object.assign($("still"), { width, height }).getContext("2d").drawImage($("video"), 0, 0);
}

function stopVideo() {
  pairing.reading?.abort();
  pairing.reading = null;
  pairing.at = -Infinity;
  freeze();
  $("video").hidden = true;
  $("video").removeAttribute("src");
}

// Read here and not by the <img>, which would not say which frame each picture is.
async function startVideo() {
  pairing.reading?.abort();
  const reading = (pairing.reading = new AbortController());
  try {
    const response = await fetch("stream", { cache: "no-store", signal: reading.signal });
    if (!response.ok) throw new Error(response.statusText);
    for await (const picture of pictures(response.body.getReader())) {
      if (reading !== pairing.reading) return;
      await showPicture(picture);
    }
  } catch {
    // Told below, whether it failed or ended.
  }
  if (reading !== pairing.reading) return;
  stopVideo();
  setTimeout(() => link.events && !pairing.reading && startVideo(), 2000);
}

// The parts of the stream: the server says how long each is and of which frame.
async function* pictures(reader) {
  let held = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    for (let part; (part = firstPart(held)); held = held.subarray(part.end)) yield part;
  }
}

// The first part in the bytes, if all of it is there.
function firstPart(bytes) {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 512));
  const start = text.indexOf("\r\n\r\n", text.indexOf("Content-Type")) + 4;
  const said = (name) => Number(text.match(new RegExp(`${name}: (\\d+)\r`, "i"))?.[1]);
  const end = start + said("Content-Length");
  if (start < 4 || !(end <= bytes.length)) return null;
  return { frame: said("ocelli-frame"), jpeg: bytes.slice(start, end), end };
}

async function showPicture({ frame, jpeg }) {
  const video = $("video");
  const url = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
  video.src = url;
  await video.decode().catch(() => null);
  URL.revokeObjectURL(url);
  video.dataset.frame = frame;
  Object.assign(pairing, { frame, at: now() });
  const record = pairing.records.get(frame);
  if (record) showRecord(record);
}

function fitScreen() {
  const video = $("video");
  video.hidden = false;
  $("screen").style.aspectRatio = `${video.naturalWidth} / ${video.naturalHeight}`;
  freeze();
}

// ---- The connection: asked for its status, then listened to; on any failure, again, less and less often

function disconnect() {
  link.turn += 1;
  clearTimeout(link.timer);
  link.events?.close();
  link.events = null;
  stopVideo();
}

function fail() {
  disconnect();
  link.up = false;
  link.failures += 1;
  const wait = Math.min(8000, 250 * 2 ** link.failures) * (0.75 + Math.random() / 2);
  link.timer = setTimeout(connect, wait);
  showNotices();
  showAge();
}

function listen() {
  link.heard = now();
  link.events = new EventSource("events");
  link.events.onerror = fail;
  link.events.addEventListener("state", (event) => {
    link.heard = now();
    showState(JSON.parse(event.data));
    showNotices();
  });
  startVideo();
}

async function connect() {
  clearTimeout(link.timer);
  // An answer that comes after a disconnect must not connect again.
  const turn = link.turn;
  try {
    const response = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(response.statusText);
    const status = await response.json();
    if (turn !== link.turn) return;
    Object.assign(link, { up: true, failures: 0 });
    showStatus(status);
    if (status.source && !link.events) listen();
    if (!status.source) view.lostAt = null;
    showNotices();
    link.timer = setTimeout(connect, status.ready ? 5000 : 1000);
  } catch {
    if (turn === link.turn) fail();
  }
}

function tick() {
  if (link.events && now() - link.heard > SILENCE) fail();
  showNotices();
  if (!link.events) return;
  freeze();
  showAge();
  sayDecision();
  showMinute();
}

function togglePause() {
  view.paused = !view.paused;
  put($("pause"), view.paused ? "Resume" : "Pause");
  if (view.paused) disconnect();
  else connect();
  showNotices();
}

// A tab that no one sees takes neither frames nor one of the few connections a browser has.
function onVisibility() {
  if (view.paused) return;
  if (document.hidden) disconnect();
  else connect();
}

// ---- Trying images

const queue = [];
let sending = false;

function card(file) {
  const item = element("li", "answer");
  const picture = element("img");
  picture.alt = "";
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  picture.onerror = () => {
    picture.onload();
    picture.replaceWith(element("span", "blank", "no preview"));
  };
  const text = element("div");
  const name = element("h3", "", file.name);
  name.title = file.name;
  text.append(name, element("p", "said", "…"));
  item.append(picture, text);
  return item;
}

function showAnswer(text, record) {
  put(text.querySelector(".said"), verdict(record));
  const bars = element("ol", "bars");
  showBars(bars, record);
  text.append(bars, element("small", "", `${millis(record.timing_ms.total)} ms`));
  if (record.doubt) text.append(element("p", "error", record.doubt));
}

async function predict(file) {
  const type = file.type.startsWith("image/") ? file.type : "application/octet-stream";
  const response = await fetch("predict?top_k=5", { method: "POST", headers: { "Content-Type": type }, body: file });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.detail ?? answer.title ?? `The server answered ${response.status}`);
}

// One after the other: many at once would only fill the server's queue.
async function work() {
  if (sending) return;
  sending = true;
  for (let next; (next = queue.shift()); ) {
    const [file, text] = next;
    try {
      const record = await predict(file);
      showAnswer(text, record);
      say(`${file.name}: ${verdict(record)}`);
    } catch (error) {
      const said = text.querySelector(".said");
      said.className = "error";
      put(said, error instanceof TypeError ? "The server did not answer" : error.message);
      say(`${file.name}: ${said.textContent}`);
    }
  }
  sending = false;
}

function take(files) {
  const cards = Array.from(files, card);
  $("answers").prepend(...cards);
  cards.forEach((item, i) => queue.push([files[i], item.lastChild]));
  while ($("answers").children.length > ANSWERS_KEPT) $("answers").lastChild.remove();
  $("clear").hidden = $("answers").children.length === 0;
  work();
}

function clearAnswers() {
  queue.length = 0;
  $("answers").replaceChildren();
  $("clear").hidden = true;
  $("files").focus();
}

function onDrag(event) {
  event.preventDefault();
  document.body.toggleAttribute("data-drag", event.type === "dragover");
  if (event.type === "drop") take(event.dataTransfer.files);
}

// ---- Begin

$("pause").addEventListener("click", togglePause);
$("clear").addEventListener("click", clearAnswers);
$("video").addEventListener("load", fitScreen);
$("files").addEventListener("change", ({ target }) => {
  take(target.files);
  target.value = "";
});
for (const type of ["dragover", "dragleave", "drop"]) addEventListener(type, onDrag);
addEventListener("paste", (event) => take(event.clipboardData.files));
document.addEventListener("visibilitychange", onVisibility);
setInterval(tick, 500);
onVisibility();
