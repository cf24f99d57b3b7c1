// Numbers, times and answers in words, the same wherever they stand on the page.

export const grouped = new Intl.NumberFormat("en");

export function number(value, digits = 1) {
  return value == null ? "–" : value.toFixed(digits);
}

// Three significant figures: the width stays while the magnitude changes.
export function millis(value) {
  if (value == null) return "–";
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : grouped.format(Math.round(value));
}

export function span(milliseconds) {
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

// How large a text may be set.
export function length(text) {
  return text.length > 24 ? "long" : text.length > 12 ? "middle" : "short";
}

// Independent labels are all named, others one.
export function verdict(record) {
  if (record.labels) return record.labels.join(", ") || `none, perhaps ${record.label}`;
  return record.unknown ? `unknown, perhaps ${record.label}` : record.label;
}
