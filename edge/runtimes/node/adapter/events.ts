import type { InstanceEvent } from '../../instance-protocol.ts';

/** How much may wait for the Dyno to take it, in bytes; output beyond that is dropped and counted. */
const MAX_WAITING = 1024 * 1024;

const encoder = new TextEncoder();
// The app may replace these.
const { setTimeout } = globalThis;
const { now } = Date;

/** What the Dyno hears of the app; sent together once a turn of the event loop. */
export class Events {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #gathered = '';
  /** Bytes that are written and not yet read. */
  #unread = 0;
  #dropped = 0;
  #scheduled = false;

  constructor() {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    this.stream = readable;
    this.#writer = writable.getWriter();
  }

  send(event: InstanceEvent): void {
    this.#gathered += `${JSON.stringify(event)}\n`;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => this.#flush(), 0);
  }

  /** A line of the app's output. */
  output(text: string): void {
    if (this.#unread + this.#gathered.length > MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      this.#send(`Error L10 (output buffer overflow): ${this.#dropped} messages dropped.`);
      this.#dropped = 0;
    }
    this.#send(text);
  }

  #send(text: string): void {
    this.send({ type: 'output', at: now(), text });
  }

  #flush(): void {
    this.#scheduled = false;
    const bytes = encoder.encode(this.#gathered);
    this.#gathered = '';
    this.#unread += bytes.length;
    const read = () => {
      this.#unread -= bytes.length;
    };
    this.#writer.write(bytes).then(read, read);
  }
}
