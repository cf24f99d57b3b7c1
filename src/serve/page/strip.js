// The names of all sources above the one in full, with how each stands: the way to another one, and back.

import { address, leave, replace } from "./address.js";
import { condition } from "./condition.js";
import { $, element, grow, put } from "./dom.js";

function entry() {
  const item = element("li");
  item.append(element("a"));
  return item;
}

export function show({ sources, one }) {
  const strip = $("strip");
  strip.hidden = sources.length < 2 || one === null;
  if (strip.hidden) return;
  grow(strip.lastElementChild, sources.length, entry);
  sources.forEach((source, i) => {
    const link = strip.lastElementChild.children[i].firstChild;
    const [level, text] = condition(source);
    put(link, level === "fine" ? source.name : `${source.name}: ${text.toLowerCase()}`);
    link.dataset.level = level;
    link.href = address(source);
    if (source === one) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
}

export function focus() {
  const link = $("strip").querySelector("[aria-current]");
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest", inline: "center" });
}

// Calls `moved` when another source is chosen, or all.
export function listen(moved) {
  $("strip").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const isForNewTab = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!link || isForNewTab) return;
    event.preventDefault();
    if (link.id === "all") leave(moved);
    else replace(link.href, moved);
  });
}
