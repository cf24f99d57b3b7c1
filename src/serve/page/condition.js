// Whether what is shown can be trusted, in one line for each thing that is to be known.

import { now } from "./dom.js";
import { span } from "./text.js";

// Why nothing more comes.
const ENDINGS = { over: ["note", "Ended"], broken: ["fault", "Broken"] };

// What is wrong with a picture, in words.
const FAULTS = {
  dark: "The picture is dark",
  overexposed: "The picture is burnt out",
  blurred: "The picture is blurred",
  covered: "Something covers the view",
  frozen: "The picture is frozen",
  moved: "The camera looks elsewhere",
  "colour-cast": "The picture has a colour cast",
};
const capital = (text) => text[0].toUpperCase() + text.slice(1).replace("-", " ");
const drifting = ({ state }) => (state?.drift ?? []).map(({ statistic }) => statistic);

// Of one source: a level, what is said, and what is only seen because it changes every second.
export function condition(source) {
  const { state, lostAt } = source;
  if (state?.ended) return ENDINGS[state.ended] ?? ["fault", "Ended"];
  if (lostAt !== null) return ["fault", "Lost", `lost for ${span(now() - lostAt)}`];
  if (!state?.record) return ["note", "No frame yet"];
  if (state.record.doubt) return ["warn", "Doubt"];
  if (state.health?.length) return ["warn", capital(state.health[0])];
  return state.drift?.length ? ["note", "Changed"] : ["fine", "Live"];
}

const why = ({ reason }) => (reason ? `. The reason: ${reason}` : "");

function ofOne(source) {
  const { state, lostAt } = source;
  const list = [];
  const [level, text] = condition(source);
  if (state?.ended) list.push([level, `${text}. What is shown is the last of it`, why(state)]);
  else if (lostAt !== null) {
    const time = span(now() - lostAt);
    list.push(["fault", "Source lost", ` for ${time}. What is shown is the last of it. Trying again${why(state)}`]);
  }
  if (state?.record?.doubt) list.push(["warn", `Doubt: ${state.record.doubt}`]);
  for (const cause of state?.health ?? []) list.push(["warn", FAULTS[cause] ?? cause]);
  const changed = drifting(source);
  if (changed.length) list.push(["note", `Not what it was: ${changed.join(", ")}`]);
  return list;
}

function ofAll(sources) {
  const names = (wanted) => sources.filter(wanted).map((source) => source.name).join(", ");
  const list = [];
  for (const wanted of ["Broken", "Lost", "Ended"]) {
    const level = wanted === "Ended" ? "note" : "fault";
    const those = names((source) => condition(source)[1] === wanted);
    if (those) list.push([level, `${wanted}: ${those}`]);
  }
  const doubts = new Set(sources.map(({ state }) => state?.record?.doubt).filter(Boolean));
  for (const doubt of doubts) {
    list.push(["warn", `Doubt about ${names(({ state }) => state?.record?.doubt === doubt)}: ${doubt}`]);
  }
  const causes = new Set(sources.flatMap(({ state }) => state?.health ?? []));
  for (const cause of causes) {
    list.push(["warn", `${FAULTS[cause] ?? cause}: ${names(({ state }) => state?.health?.includes(cause))}`]);
  }
  const changed = names((source) => drifting(source).length > 0);
  if (changed) list.push(["note", `Not what it was: ${changed}`]);
  return list;
}

// Of all that is shown: the connection, the model, and the source in full or all of them.
export function notices({ up, tried, status, sources, one, missing, paused }) {
  if (paused) return [["note", "Paused"]];
  if (!up && !tried) return [["note", "Connecting"]];
  if (!up) return [["fault", "No connection to the server. Trying again"]];
  const list = [];
  if (!status.ready) list.push(["note", "Warming up: the model is tried before it answers"]);
  if (missing !== null) list.push(["warn", `There is no source called ${missing}`]);
  list.push(...(one ? ofOne(one) : ofAll(sources)));
  return list.length ? list : [["fine", sources.length ? "Live" : "Ready"]];
}

// How long the answer of a source stands, if it still does.
export function standing({ decidedAt, alive }, { up }) {
  if (decidedAt === null) return "";
  return up && alive ? `for ${span(now() - decidedAt)}` : "last answer";
}
