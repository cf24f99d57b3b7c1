// What the monitor of the source in full knows: whether its picture is sound, what has changed, and how often its answers
// are likely to be right. Asked for while it is seen, and not often: it changes over hours.

import { $, element, grow, now, put } from "./dom.js";

const PERIOD = 10_000;
const SVG = "http://www.w3.org/2000/svg";
// What is drawn is so wide and so high, and of so many deviations from the usual at most, up and down.
const [WIDTH, HEIGHT, MOST] = [600, 48, 6];
const DAYS = 28;

let asked = -Infinity;
let shown = "";

const percent = (share) => `${(100 * share).toFixed(0)} %`;

// The past as a line around the usual, which is in the middle.
function line(history) {
  const step = WIDTH / Math.max(history.length - 1, 1);
  return history
    .map((deviation, i) => {
      const bounded = Math.max(-MOST, Math.min(MOST, deviation));
      const y = HEIGHT / 2 - (bounded / MOST) * (HEIGHT / 2 - 1);
      return `${i ? "L" : "M"}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

function plot() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  for (const name of ["mark", ""]) {
    const path = document.createElementNS(SVG, "path");
    if (name) path.setAttribute("class", name);
    svg.append(path);
  }
  svg.firstChild.setAttribute("d", `M0 ${HEIGHT / 2}H${WIDTH}`);
  return svg;
}

async function acknowledge(source, what) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ source, what }),
    signal: AbortSignal.timeout(5000),
  };
  const response = await fetch("monitor/acknowledge", request).catch(() => null);
  if (response?.ok) asked = -Infinity;
  return response?.ok === true;
}

function button(source, what) {
  const made = element("button", "", "Acknowledge");
  Object.assign(made, { type: "button", title: "Take it for usual from now on" });
  made.setAttribute("aria-label", `Acknowledge ${what}`);
  made.addEventListener("click", async () => {
    made.disabled = true;
    put(made, (await acknowledge(source, what)) ? "Noted" : "Failed");
  });
  return made;
}

function row() {
  const item = element("li");
  item.append(element("b"), element("span"), plot());
  return item;
}

// One line: a name, what is said, its past, and a button if somebody may take notice.
function fill(item, { source, key, name, text, level = "", history = null }) {
  const state = JSON.stringify([key, level]);
  const [title, said, svg] = item.children;
  put(title, name);
  put(said, text);
  svg.toggleAttribute("hidden", !history?.length);
  svg.lastChild.setAttribute("d", line(history ?? []));
  svg.setAttribute("aria-label", `${name}: deviation from the usual, the last ${history?.length ?? 0} blocks`);
  item.dataset.level = level;
  // A button that is there stays: it may have the focus.
  if (item.dataset.state === state) return;
  item.dataset.state = state;
  item.children[3]?.remove();
  if (level === "warn") item.append(button(source, key));
}

function accuracy({ estimate, low, high, withheld }) {
  if (estimate == null) return `cannot be estimated: ${withheld}`;
  return `${percent(estimate)}, between ${percent(low)} and ${percent(high)}`;
}

function standing(known, alarm) {
  if (alarm) return `changed by ${alarm.change.toPrecision(3)} since ${new Date(alarm.since).toLocaleString()}`;
  if (known.level == null) return `learning what is usual, ${known.learned_days} of ${DAYS} days`;
  return `as usual, ${percent(known.level)} of the way to an alarm`;
}

function lines(report) {
  const { source, health, acknowledged, drift, statistics } = report;
  const list = health.map((cause) => {
    const isNoted = acknowledged.includes(cause);
    const text = isNoted ? "acknowledged, being learned" : "needs a look";
    return { source, key: cause, name: `Picture ${cause.replace("-", " ")}`, text, level: isNoted ? "note" : "warn" };
  });
  if (list.length === 0) list.push({ key: "health", name: "Picture", text: "sound" });
  list.push({ key: "accuracy", name: "Right answers", text: accuracy(report.accuracy) });
  for (const known of statistics) {
    const { statistic, history } = known;
    const alarm = drift.find((one) => one.statistic === statistic);
    const level = alarm ? "warn" : "";
    list.push({ source, key: statistic, name: statistic, text: standing(known, alarm), level, history });
  }
  return list;
}

// Shows what is known of `one`, anew if it is time to.
export async function refresh({ one, up }) {
  const isWatched = one?.state?.health != null;
  $("watch").hidden = !isWatched;
  if (!isWatched || !up) return;
  const key = JSON.stringify([one.name, one.state.health, one.state.drift]);
  if (key === shown && now() - asked < PERIOD) return;
  shown = key;
  asked = now();
  const request = { cache: "no-store", signal: AbortSignal.timeout(5000) };
  const response = await fetch(`monitor?source=${encodeURIComponent(one.name)}`, request).catch(() => null);
  const answer = response?.ok ? await response.json().catch(() => null) : null;
  const [report] = answer?.sources ?? [];
  if (!report || key !== shown) return;
  const all = lines(report);
  const items = $("known");
  grow(items, all.length, row);
  all.forEach((one, i) => fill(items.children[i], one));
}
