import { GitError } from '../errors.ts';

/** Room for what is pulled at once. */
const ROOM = 256 * 1024;
/** Room that must be left to pull at all. */
const MIN_READ = 64 * 1024;

/** Pulls bytes out of a request body; what is pulled and not used stands in `buffer` from `start` to `end`. */
export class ByteReader {
  buffer: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #idleMs: number;
  #idle = false;
  #pulled = 0;

  /** @param idleMs how long the sender may pause, in ms */
  constructor(stream: ReadableStream<Uint8Array>, idleMs: number) {
    this.#reader = stream.getReader({ mode: 'byob' });
    this.#idleMs = idleMs;
  }

  get available(): number {
    return this.end - this.start;
  }

  /** Bytes of the body that are used up. */
  get used(): number {
    return this.#pulled - this.available;
  }

  /**
   * Pulls once, behind what is there. False at the end of the body.
   * @throws GitError when the sender pauses for too long, or the body breaks off or cannot be decompressed
   */
  async fill(): Promise<boolean> {
    const timer = setTimeout(() => {
      this.#idle = true;
      this.#reader.cancel().catch(() => undefined);
    }, this.#idleMs);
    const kept = this.available;
    // The buffer goes to the stream and comes back with what was read behind what is kept: nothing is allocated.
    if (kept + MIN_READ > this.buffer.length) this.#grow(kept);
    else this.buffer.copyWithin(0, this.start, this.end);
    const { value, done } = await this.#reader
      .read(this.buffer.subarray(kept))
      .catch((error: unknown) => {
        throw new GitError(`the body of the request broke off: ${error instanceof Error ? error.message : error}`);
      })
      .finally(() => clearTimeout(timer));
    if (this.#idle) throw new GitError(`the client sent nothing for ${this.#idleMs / 1000} s`);
    this.start = 0;
    this.end = kept + (value?.length ?? 0);
    this.#pulled += value?.length ?? 0;
    if (value) this.buffer = new Uint8Array(value.buffer);
    return !done;
  }

  #grow(kept: number): void {
    const grown = new Uint8Array(Math.max(ROOM, kept * 2));
    grown.set(this.buffer.subarray(this.start, this.end));
    this.buffer = grown;
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
