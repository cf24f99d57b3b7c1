// One source in full: its decision, stages, frames and last minute. Its picture is the screen's.

import { showBars } from "./bars.js";
import { standing } from "./condition.js";
import { $, now, put } from "./dom.js";
import { counted, draw } from "./minute.js";
import { grouped, length, millis, number, verdict } from "./text.js";

const STAGES = ["capture", "decode", "preprocess", "inference", "total"];
const CAUSES = ["newer", "camera", "damaged", "paced", "still"];

export function showRuntime({ model, engine, provider }) {
  put($("model"), model ?? "–");
  put($("engine"), engine ? `${engine}, ${provider}` : "–");
}

export function showRecord(record) {
  const text = verdict(record);
  const label = $("label");
  put(label, text);
  label.title = text;
  label.dataset.length = length(text);
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

// Means, because no one can read numbers that change ten times a second.
function showStages({ minute, at }) {
  const recent = minute.points.filter((point) => point.at > at - 1000 && point.timing);
  if (recent.length === 0) return;
  STAGES.forEach((stage, i) => {
    const mean = recent.reduce((sum, point) => sum + point.timing[stage], 0) / recent.length;
    put($(stage), millis(mean));
    const part = $("stack").children[i];
    // In microseconds: shares that sum to less than 1 would leave a gap.
    if (part) part.style.flexGrow = 1000 * mean;
  });
}

export function showAge(source, page) {
  put($("age"), standing(source, page));
}

export function showState(source, page) {
  const { state } = source;
  put($("fps"), number(state.fps));
  put($("classified"), grouped.format(state.classified));
  put($("viewers"), grouped.format(state.viewers));
  if (state.record) showStages(source);
  showAge(source, page);
}

// The next of 1, 2, 5, 10, 20 … so that the scale seldom moves.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

function showChart(chart, minute, key, most, text) {
  const values = minute.values(key);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [null, null];
  const top = most ?? ceiling(high ?? 1);
  const [scale, range] = chart.querySelectorAll("span");
  put(scale, `0 to ${top}`);
  put(range, `${text(low)} to ${text(high)}`);
  const name = `${chart.querySelector("b").textContent} in the last minute: ${range.textContent}`;
  draw(chart.querySelector("svg"), minute, key, top, now(), name);
}

export function showMinute({ minute }) {
  put($("changes"), counted(minute.changes().length));
  showChart($("score-chart"), minute, "score", 1, (value) => number(value, 3));
  showChart($("age-chart"), minute, "age", null, millis);
}

// Another source: what the former one said is taken away first.
export function open(source, page) {
  for (const figure of document.querySelectorAll(".live dd, #label, #score, #total")) put(figure, "–");
  for (const part of $("stack").children) part.style.flexGrow = "";
  $("bars").replaceChildren();
  document.body.removeAttribute("data-unknown");
  put($("source"), source.source);
  if (source.shown) showRecord(source.shown);
  if (source.state) showState(source, page);
  showAge(source, page);
  showMinute(source);
}
