// Which source is in full stands in the address, so that the browser's own way back, bookmarks and shared links work.

export const address = ({ name }) => `#${encodeURIComponent(name)}`;

export function nameInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

// Remembers that the grid is one step back.
export function markEntered() {
  history.replaceState({ isEntered: true }, "");
}

// To another source: the step back still leads to the grid.
export function replace(href, moved) {
  history.replaceState(history.state, "", href);
  moved();
}

// To the grid: back, where one came from there.
export function leave(moved) {
  if (history.state?.isEntered) {
    history.back();
    return;
  }
  history.pushState(null, "", location.pathname + location.search);
  moved();
}
