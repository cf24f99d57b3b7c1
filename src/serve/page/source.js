// A live source as the page knows it: how it stands, its last minute, and the answer that belongs to the picture that
// is seen, which takes longer to come.

import { now } from "./dom.js";
import { Minute } from "./minute.js";
import { Slot } from "./slot.js";

// Pictures come several times a second: after this long without one, answers no longer wait for theirs.
const PICTURE_SILENCE = 2_000;
const ANSWERS_KEPT = 32;

export class Source {
  state = null;
  at = 0;
  decidedAt = null;
  lostAt = null;
  // The record that is shown, and when it was new.
  shown = null;
  shownAt = -Infinity;
  minute = new Minute();
  // Whether pictures are asked for, the newest one's frame, and when it came.
  #watched = false;
  #frame = null;
  #pictureAt = -Infinity;
  // Answers that came before their pictures, by frame.
  #waiting = new Map();

  // `show` takes the source and a picture, and tells when it is seen.
  constructor({ name, source }, show) {
    Object.assign(this, { name, source });
    this.pictures = new Slot((picture) => show(this, picture));
  }

  // Takes in what the server says; whether there is another answer to show.
  hear(state) {
    const at = now();
    Object.assign(this, { state, at });
    this.decidedAt = state.decided_ms == null ? null : at - state.decided_ms;
    this.lostAt = state.lost_ms == null ? null : at - state.lost_ms;
    if (!state.record) return false;
    this.minute.remember(state, at);
    this.#waiting.set(state.record.frame, state.record);
    if (this.#waiting.size > ANSWERS_KEPT) this.#waiting.delete(this.#waiting.keys().next().value);
    const waits = this.#watched && at - this.#pictureAt <= PICTURE_SILENCE;
    if (waits && state.record.frame !== this.#frame) return false;
    this.#show(state.record);
    return true;
  }

  // The picture of this frame is seen now; whether there is another answer to show.
  see(frame) {
    this.#watched = true;
    this.#frame = frame;
    this.#pictureAt = now();
    const record = this.#waiting.get(frame);
    if (record === undefined) return false;
    this.#show(record);
    return true;
  }

  // No pictures are asked for any more: answers do not wait.
  unwatch() {
    this.#watched = false;
    this.#waiting.clear();
    this.pictures.clear();
  }

  // Whether it gives something.
  get alive() {
    return this.lostAt === null && !this.state?.ended;
  }

  // Whether the picture is much older than the answer beside it.
  get isPictureOld() {
    return this.shownAt - this.#pictureAt > PICTURE_SILENCE;
  }

  get hasPictures() {
    return now() - this.#pictureAt <= PICTURE_SILENCE;
  }

  #show(record) {
    if (record.frame !== this.shown?.frame) this.shownAt = now();
    this.shown = record;
  }
}
