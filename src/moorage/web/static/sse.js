// Server-sent events from a fetch stream. Blocks may be cut anywhere, also inside a character or a line end.

/** Collects text and hands on the `data` of each complete event. */
export class EventParser {
  constructor(onData) {
    this.onData = onData;
    this.rest = "";
    this.data = [];
  }

  push(text) {
    this.rest += text;
    // A carriage return at the very end may be half of "\r\n": wait for what follows.
    const usable = this.rest.endsWith("\r") ? this.rest.slice(0, -1) : this.rest;
    const lines = usable.split(/\r\n|\r|\n/);
    this.rest = lines.pop() + this.rest.slice(usable.length);
    lines.forEach((line) => this.line(line));
  }

  line(line) {
    if (line === "") {
      if (this.data.length) this.onData(this.data.join("\n"));
      this.data = [];
    } else if (line.startsWith("data:")) {
      this.data.push(line.slice(line[5] === " " ? 6 : 5));
    }
  }
}

/** The JSON events of a streamed response, one after the other. */
export async function* events(response) {
  const ready = [];
  const parser = new EventParser((data) => data !== "[DONE]" && ready.push(JSON.parse(data)));
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      parser.push(done ? decoder.decode() : decoder.decode(value, { stream: true }));
      yield* ready.splice(0);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
