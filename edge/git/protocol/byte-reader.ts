import { GitError } from '../errors.ts';

/** Pulls bytes out of a request body; what is pulled and not used stands in `buffer` from `start` to `end`. */
export class ByteReader {
  buffer: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #idleMs: number;
  #idle = false;

  /** @param idleMs how long the sender may pause, in ms */
  constructor(stream: ReadableStream<Uint8Array>, idleMs: number) {
    this.#reader = stream.getReader();
    this.#idleMs = idleMs;
  }

  get available(): number {
    return this.end - this.start;
  }

  /**
   * Pulls once, behind what is there. False at the end of the body.
   * @throws GitError when the sender pauses for too long
   */
  async fill(): Promise<boolean> {
    const timer = setTimeout(() => {
      this.#idle = true;
      this.#reader.cancel().catch(() => undefined);
    }, this.#idleMs);
    const { value, done } = await this.#reader.read().finally(() => clearTimeout(timer));
    if (this.#idle) throw new GitError(`the client sent nothing for ${this.#idleMs / 1000} s`);
    if (done) return false;
    if (this.available === 0) {
      this.buffer = value;
    } else {
      const joined = new Uint8Array(this.available + value.length);
      joined.set(this.buffer.subarray(this.start, this.end));
      joined.set(value, this.available);
      this.buffer = joined;
    }
    this.start = 0;
    this.end = this.buffer.length;
    return true;
  }

  /** Pulls until `length` bytes are there, or the body ends. */
  async fillTo(length: number): Promise<boolean> {
    while (this.available < length) if (!(await this.fill())) return false;
    return true;
  }

  /** The next `length` bytes, which must be there. */
  take(length: number): Uint8Array {
    const bytes = this.buffer.subarray(this.start, this.start + length);
    this.start += length;
    return bytes;
  }

  /** Gives up on the rest of the body. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}
