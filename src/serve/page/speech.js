// What is read out to those who do not see the page: what changes, and nothing twice.

import { $, now } from "./dom.js";
import { verdict } from "./text.js";

const decision = { source: null, text: "" };

// A new node each time, or the same words are not read out twice.
export function say(text) {
  $("said").replaceChildren(text);
}

// A decision that flickers is not read out until it has stood for a second.
export function sayDecision(source) {
  const { state, decidedAt } = source;
  if (!state?.record || decidedAt === null || now() - decidedAt < 1000) return;
  const text = verdict(state.record);
  if (source !== decision.source || text !== decision.text) say(text);
  Object.assign(decision, { source, text });
}
