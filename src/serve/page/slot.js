// The newest of what comes, shown one at a time: what is older when its turn comes is left out, so that a browser that
// is slower than the cameras shows less, and not what was long ago.

export class Slot {
  #next = null;
  #showing = null;
  #show;

  constructor(show) {
    this.#show = show;
  }

  put(picture) {
    this.#next = picture;
    if (this.#showing === null) this.#work();
  }

  // What is being shown is let go of: it may never be done.
  clear() {
    this.#next = null;
    this.#showing = null;
  }

  async #work() {
    const showing = (this.#showing = {});
    while (showing === this.#showing && this.#next !== null) {
      const picture = this.#next;
      this.#next = null;
      await this.#show(picture);
    }
    if (showing === this.#showing) this.#showing = null;
  }
}
