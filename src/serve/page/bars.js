// The best classes as bars, for the live decision and for answers.

import { element, grow, put } from "./dom.js";
import { number } from "./text.js";

function bar() {
  const item = element("li");
  const track = element("span", "track");
  track.append(element("i", "fill"));
  item.append(element("span", "name"), track, element("span", "value"));
  return item;
}

export function showBars(list, { top, labels }) {
  grow(list, top.length, bar);
  top.forEach(({ label, score }, i) => {
    const [name, track, value] = list.children[i].children;
    put(name, label);
    name.title = label;
    track.firstChild.style.transform = `scaleX(${Math.min(1, Math.max(0, score))})`;
    put(value, number(score, 3));
    list.children[i].toggleAttribute("data-there", labels?.includes(label) ?? false);
  });
}
