// Trying images: chosen, dropped or pasted, and sent one after the other.

import { showBars } from "./bars.js";
import { $, element, put } from "./dom.js";
import { say } from "./speech.js";
import { millis, verdict } from "./text.js";

const ANSWERS_KEPT = 24;

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

$("clear").addEventListener("click", clearAnswers);
$("files").addEventListener("change", ({ target }) => {
  take(target.files);
  target.value = "";
});
for (const type of ["dragover", "dragleave", "drop"]) addEventListener(type, onDrag);
addEventListener("paste", (event) => take(event.clipboardData.files));
