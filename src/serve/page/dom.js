// What every module takes from the browser, by short names.

export const $ = (id) => document.getElementById(id);
export const now = () => performance.now();

// Text only, never markup: labels and file names are anyone's.
export function element(name, className = "", text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

// Untouched text keeps selections, and costs nothing to draw.
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// As many children as wanted: those there are stay, so that focus and selection do.
export function grow(list, length, make) {
  while (list.children.length > length) list.lastChild.remove();
  while (list.children.length < length) list.append(make());
}
