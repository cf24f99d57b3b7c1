// The connection: asked for its status, then listened to; on any failure, again, less and less often.

import { now } from "./dom.js";

// The server sends at least once a second, so a silence this long is a dead connection.
const SILENCE = 6_000;

async function fetchStatus() {
  const response = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

export class Link {
  up = false;
  failures = 0;
  #turn = 0;
  #timer = 0;
  #events = null;
  #heard = 0;
  #told;

  // `told` hears of each `status` and `state`, of the times at which listening begins and is `over`, and of failures.
  constructor(told) {
    this.#told = told;
  }

  get listening() {
    return this.#events !== null;
  }

  async connect() {
    clearTimeout(this.#timer);
    // An answer that comes after a disconnect must not connect again.
    const turn = this.#turn;
    const status = await fetchStatus().catch(() => null);
    if (turn !== this.#turn) return;
    if (status === null) {
      this.#fail();
      return;
    }
    Object.assign(this, { up: true, failures: 0 });
    this.#timer = setTimeout(() => this.connect(), status.ready ? 5000 : 1000);
    this.#told.status(status);
    if (status.sources.length > 0 && !this.listening) this.#listen();
  }

  disconnect() {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#events?.close();
    this.#events = null;
    this.#told.over();
  }

  // Called now and then: notices a connection that died without a word.
  check(isSilenceExpected) {
    if (this.listening && !isSilenceExpected && now() - this.#heard > SILENCE) this.#fail();
  }

  #listen() {
    this.#heard = now();
    this.#events = new EventSource("events");
    this.#events.onerror = () => this.#fail();
    this.#events.addEventListener("state", (event) => {
      this.#heard = now();
      this.#told.state(JSON.parse(event.data));
    });
    this.#told.listening();
  }

  #fail() {
    this.disconnect();
    this.up = false;
    this.failures += 1;
    const wait = Math.min(8000, 250 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => this.connect(), wait);
    this.#told.failed();
  }
}
