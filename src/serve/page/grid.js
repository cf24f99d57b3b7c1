// All sources at a glance: a card for each, with its picture, answer, state and last minute.

import { address } from "./address.js";
import { condition, standing } from "./condition.js";
import { $, now, put } from "./dom.js";
import { counted, draw } from "./minute.js";
import { length, millis, number, verdict } from "./text.js";

const cards = new Map();
// Width by height of the widest picture.
let shape = 0;

function card(source) {
  const item = $("card").content.cloneNode(true).firstElementChild;
  const part = (name) => item.querySelector(name);
  const link = part("a");
  link.href = address(source);
  put(link, source.name);
  if (source.name !== source.source) link.title = source.source;
  return {
    item,
    link,
    canvas: part("canvas"),
    condition: part(".condition"),
    label: part(".said"),
    score: part(".score"),
    standing: part(".standing"),
    age: part(".age"),
    svg: part("svg"),
  };
}

export function build(sources) {
  cards.clear();
  shape = 0;
  $("cards").style.removeProperty("--shape");
  for (const source of sources) cards.set(source, card(source));
  $("cards").replaceChildren(...Array.from(cards.values(), ({ item }) => item));
}

export function showRecord(source) {
  const { item, label, score } = cards.get(source);
  const text = verdict(source.shown);
  put(label, text);
  label.title = text;
  label.dataset.length = length(text);
  label.dataset.frame = source.shown.frame;
  item.toggleAttribute("data-unknown", source.shown.unknown);
  put(score, number(source.shown.score, 3));
}

export function showState(source, page) {
  const parts = cards.get(source);
  const [level, text, more = ""] = page.held ? ["note", page.held] : condition(source);
  parts.condition.dataset.level = level;
  put(parts.condition, text);
  parts.condition.title = source.state?.reason ?? "";
  put(parts.standing, more || standing(source, page));
  const stale = !page.up || !source.alive;
  parts.item.toggleAttribute("data-stale", stale);
  parts.item.toggleAttribute("data-blank", !source.shown || (stale && source.isPictureOld));
}

// What changes with every frame, as often as it can be read.
export function showFigures(source, page) {
  const { age, svg } = cards.get(source);
  put(age, page.up && source.alive && source.shown ? `${millis(source.shown.frame_age_ms)} ms old` : "");
  const scores = source.minute.values("score");
  const [low, high] = scores.length ? [Math.min(...scores), Math.max(...scores)] : [null, null];
  const changes = counted(source.minute.changes().length);
  const name = `Score in the last minute: ${number(low, 3)} to ${number(high, 3)}, ${changes}`;
  draw(svg, source.minute, "score", 1, now(), name);
}

function paint(canvas, image, width, height) {
  Object.assign(canvas, { width, height }).getContext("2d").drawImage(image, 0, 0);
}

function fit(wanted) {
  if (wanted <= shape) return;
  shape = wanted;
  $("cards").style.setProperty("--shape", shape);
}

export async function showPicture(source, { frame, jpeg }) {
  const image = await createImageBitmap(jpeg).catch(() => null);
  const parts = cards.get(source);
  if (!image || !parts) return;
  paint(parts.canvas, image, image.width, image.height);
  fit(image.width / image.height);
  parts.canvas.dataset.frame = frame;
  image.close();
}

// The picture of the card, for the source in full.
export function picture(source) {
  return cards.get(source).canvas;
}

// The last picture of the source that was in full.
export function takeBack(source, still) {
  paint(picture(source), still, still.width, still.height);
  picture(source).dataset.frame = still.dataset.frame;
}

export function focus(source) {
  cards.get(source)?.link.focus();
}
