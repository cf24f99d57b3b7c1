// The last minute of a source, and the lines that are drawn of it.

import { verdict } from "./text.js";

const MINUTE = 60_000;
// What is drawn is so wide and so high, in units that the browser stretches.
const [WIDTH, HEIGHT] = [600, 48];
// Between points that are further apart there was nothing.
const GAP = 2500;

const across = (at, end) => (((at - end) / MINUTE + 1) * WIDTH).toFixed(1);

export class Minute {
  points = [];

  remember({ record, lost_ms: lost, ended }, at) {
    const gone = lost != null || ended != null;
    this.points.push({
      at,
      score: gone ? null : record.score,
      age: gone ? null : record.frame_age_ms,
      label: verdict(record),
      timing: gone ? null : record.timing_ms,
    });
    while (this.points[0].at < at - MINUTE) this.points.shift();
  }

  values(key) {
    return this.points.map((point) => point[key]).filter((value) => value != null);
  }

  // Where the label became another one.
  changes() {
    return this.points.filter((point, i) => i > 0 && point.label !== this.points[i - 1].label);
  }

  marks(end) {
    return this.changes()
      .map((point) => `M${across(point.at, end)} 0V${HEIGHT}`)
      .join("");
  }

  // A gap in the data is a gap in the line: nothing is made up between.
  line(key, most, end) {
    let before = -Infinity;
    let path = "";
    for (const point of this.points.filter((point) => point[key] != null)) {
      const y = HEIGHT - 1 - ((HEIGHT - 2) * Math.min(point[key], most)) / most;
      path += `${point.at - before > GAP ? "M" : "L"}${across(point.at, end)} ${y.toFixed(1)}`;
      before = point.at;
    }
    return path;
  }
}

// Draws into the two paths of an <svg>, and says in words what is drawn.
export function draw(svg, minute, key, most, end, name) {
  const [mark, line] = svg.children;
  mark.setAttribute("d", minute.marks(end));
  line.setAttribute("d", minute.line(key, most, end));
  svg.setAttribute("aria-label", name);
}

export function counted(changes) {
  return `${changes} ${changes === 1 ? "change" : "changes"} of the label`;
}
