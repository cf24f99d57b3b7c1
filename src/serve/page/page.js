// Shows within a glance what the device sees and decides, in any browser, and says so when it no longer can. Plain
// JavaScript without a build step: what a browser runs is what stands in these files.

import { leave, markEntered, nameInAddress } from "./address.js";
import { notices } from "./condition.js";
import { $, element, grow, put } from "./dom.js";
import * as full from "./full.js";
import * as grid from "./grid.js";
import "./images.js";
import { Link } from "./link.js";
import * as monitor from "./monitor.js";
import * as screen from "./screen.js";
import { Source } from "./source.js";
import { say, sayDecision } from "./speech.js";
import { Stream } from "./stream.js";
import * as strip from "./strip.js";
import { span } from "./text.js";

const link = new Link({
  status: showStatus,
  state: showState,
  listening: watch,
  over: () => stream.stop(),
  failed: showConditions,
});
const stream = new Stream(takePicture, () => {
  for (const source of page.sources) source.unwatch();
  if (page.one) screen.release();
});
const page = {
  status: null,
  sources: [],
  // The source in full, and a name in the address that no source has.
  one: null,
  missing: null,
  paused: false,
  get up() {
    return link.up;
  },
  get tried() {
    return link.failures > 0;
  },
  // Why nothing new is shown.
  get held() {
    return this.paused ? "Paused" : this.up ? null : "No connection";
  },
  get isGrid() {
    return this.sources.length > 1 && this.one === null;
  },
};

// ---- What the server says

function showStatus(status) {
  page.status = status;
  full.showRuntime(status);
  put($("uptime"), span(status.uptime_s * 1000));
  put($("queue"), `${status.queue.depth} of ${status.queue.capacity}`);
  const names = (sources) => JSON.stringify(sources.map(({ name, source }) => [name, source]));
  if (names(status.sources) !== names(page.sources)) meet(status.sources);
  route();
  showConditions();
}

// The sources are others than before: the first ones, or those of a server that was started anew.
function meet(sources) {
  page.sources = sources.map((source) => new Source(source, showPicture));
  page.one = null;
  grid.build(page.sources);
}

function showState(state) {
  const [first, ...others] = page.sources;
  const source = others.length === 0 ? first : page.sources.find(({ name }) => name === state.name);
  if (!source) return;
  const wasAlive = source.alive;
  const isAnswered = source.hear(state);
  // What stands between may have cut a picture that did not move for long.
  if (source.alive && !wasAlive && !page.sources.some(({ hasPictures }) => hasPictures)) watch();
  if (isAnswered) showRecord(source);
  if (source === page.one) full.showState(source, page);
  if (page.isGrid) grid.showState(source, page);
  showNotices();
}

function showRecord(source) {
  if (source === page.one) full.showRecord(source.shown);
  else if (page.isGrid) grid.showRecord(source);
}

// ---- The pictures

// Only what is seen is asked for: the others cost no encoding.
function watch() {
  for (const { pictures } of page.sources) pictures.clear();
  const one = page.sources.length > 1 && page.one;
  stream.start(one ? `stream?source=${encodeURIComponent(one.name)}` : "stream");
}

function takePicture(picture) {
  const source = page.one ?? page.sources.find(({ name }) => name === picture.source);
  source?.pictures.put(picture);
}

async function showPicture(source, picture) {
  const { one } = page;
  if (source === one) await screen.showPicture(picture);
  else await grid.showPicture(source, picture);
  if (one === page.one && source.see(picture.frame)) showRecord(source);
}

// ---- All sources, or one

function route() {
  const { sources, one: before } = page;
  const wanted = sources.length > 1 ? nameInAddress() : "";
  const one = sources.length === 1 ? sources[0] : (sources.find(({ name }) => name === wanted) ?? null);
  page.missing = wanted && !one ? wanted : null;
  document.body.dataset.mode = sources.length === 0 ? "images" : one ? "live" : "grid";
  if (one === before) return;
  if (before) grid.takeBack(before, screen.release());
  page.one = one;
  if (one) enter(one);
  else sources.filter(({ shown }) => shown).forEach(grid.showRecord);
  document.title = one && sources.length > 1 ? `${one.name}: Ocelli` : "Ocelli";
  if (link.listening) watch();
}

function enter(one) {
  const isAlone = page.sources.length === 1;
  full.open(one, page);
  $("save").href = isAlone ? "snapshot.jpg" : `snapshot.jpg?source=${encodeURIComponent(one.name)}`;
  $("save").download = isAlone ? "ocelli.jpg" : `${one.name}.jpg`;
  if (!isAlone) screen.begin(grid.picture(one));
}

// After the address has changed: the focus goes along, or it would be lost with what is hidden.
function moved() {
  const { one: before } = page;
  route();
  showConditions();
  showFigures();
  if (page.one === before) return;
  if (page.one) {
    scrollTo(0, 0);
    strip.focus();
  } else grid.focus(before);
}

// ---- Whether it can be trusted

function showNotices() {
  const list = notices(page);
  const items = $("notices");
  grow(items, list.length, () => element("li"));
  list.forEach(([level, text, more = ""], i) => {
    const item = items.children[i];
    if (item.dataset.key !== text && level !== "fine") say(text);
    item.dataset.key = text;
    item.dataset.level = level;
    put(item, text + more);
  });
  document.body.toggleAttribute("data-stale", !page.up || page.one?.alive === false);
}

function showConditions() {
  showNotices();
  strip.show(page);
  if (page.one) full.showAge(page.one, page);
  if (page.isGrid) for (const source of page.sources) grid.showState(source, page);
}

// ---- Time goes by

function showFigures() {
  if (page.one) full.showMinute(page.one);
  if (page.isGrid) for (const source of page.sources) grid.showFigures(source, page);
}

function tick() {
  link.check(page.sources.every(({ state }) => state?.ended));
  if (link.listening) showConditions();
  else showNotices();
  if (!link.listening) return;
  showFigures();
  monitor.refresh(page);
  if (!page.one) return;
  screen.freeze();
  sayDecision(page.one);
}

// ---- What is done here

function togglePause() {
  page.paused = !page.paused;
  for (const button of document.querySelectorAll(".pause")) put(button, page.paused ? "Resume" : "Pause");
  if (page.paused) link.disconnect();
  else link.connect();
  showConditions();
}

// A tab that no one sees takes neither frames nor one of the few connections a browser has.
function onVisibility() {
  if (page.paused) return;
  if (document.hidden) link.disconnect();
  else link.connect();
}

for (const button of document.querySelectorAll(".pause")) button.addEventListener("click", togglePause);
addEventListener("hashchange", () => {
  const { isGrid } = page;
  moved();
  if (isGrid && page.one) markEntered();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && page.one && page.sources.length > 1) leave(moved);
});
strip.listen(moved);
document.addEventListener("visibilitychange", onVisibility);
setInterval(tick, 500);
onVisibility();
