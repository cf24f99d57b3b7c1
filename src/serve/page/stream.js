// The pictures, as `/stream` sends them. Read here and not by an <img>, which would say neither of which frame nor of
// which source each picture is.

// Bytes within which the head of a part stands: a source may be called by a long address.
const HEAD = 8192;

// The first part in the bytes, if all of it is there: the server says how long it is, of which frame and whose.
function firstPart(bytes) {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD));
  const start = text.indexOf("\r\n\r\n", text.indexOf("Content-Type")) + 4;
  const head = text.slice(0, start);
  const said = (name) => head.match(new RegExp(`^${name}: (.+)\r$`, "im"))?.[1];
  const end = start + Number(said("Content-Length"));
  if (start < 4 || !(end <= bytes.length)) return null;
  const name = said("ocelli-source");
  return {
    source: name === undefined ? null : decodeURIComponent(name),
    frame: Number(said("ocelli-frame")),
    jpeg: new Blob([bytes.subarray(start, end)], { type: "image/jpeg" }),
    end,
  };
}

async function* pictures(reader) {
  let held = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    for (let part; (part = firstPart(held)); held = held.subarray(part.end)) yield part;
  }
}

export class Stream {
  #reading = null;
  #timer = 0;
  #show;
  #over;

  // `show` takes each picture; `over` is called when no more will come.
  constructor(show, over) {
    this.#show = show;
    this.#over = over;
  }

  async start(address) {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    const reading = (this.#reading = new AbortController());
    try {
      const response = await fetch(address, { cache: "no-store", signal: reading.signal });
      if (!response.ok) throw new Error(response.statusText);
      for await (const picture of pictures(response.body.getReader())) {
        if (reading !== this.#reading) return;
        this.#show(picture);
      }
    } catch {
      // Told below, whether it failed or ended.
    }
    if (reading !== this.#reading) return;
    this.stop();
    this.#timer = setTimeout(() => this.start(address), 2000);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    this.#reading = null;
    this.#over();
  }
}
