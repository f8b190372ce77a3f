/**
 * Inflates one zlib stream after the other out of a pack, and tells how many bytes each took: a pack does not say
 * where an entry ends. `inflateSync` with `info` tells it too, but makes a stream object for each entry, which takes
 * 20 times as long as what is done here: to drive the one inside a stream, and reset it.
 */
import { constants, createInflate, type Inflate } from 'node:zlib';
import { GitError } from '../errors.ts';

/** What a zlib stream of node:zlib holds inside; Node and workerd alike. */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
  reset(): void;
}
type Internals = Inflate & { _handle: Handle | null; _writeState: Uint32Array };

export class Inflater {
  /** Of the last `write`: bytes read of the input, and written to the output. */
  consumed = 0;
  produced = 0;
  #stream: Internals | undefined;

  /** Begins a new stream. */
  begin(): void {
    if (this.#stream?._handle) this.#stream._handle.reset();
    else this.#stream = open();
  }

  /**
   * Goes on inflating. Stops at the end of the stream, of the input, or of the space in the output; so the stream has
   * ended when input and space are both left.
   * @throws GitError when the input is not a zlib stream
   */
  write(input: Uint8Array, from: number, to: number, output: Uint8Array, at: number, end: number): void {
    const stream = this.#stream;
    if (!stream?._handle) throw new Error('Inflater: begin() comes first');
    stream._handle.writeSync(constants.Z_SYNC_FLUSH, input, from, to - from, output, at, end - at);
    if (!stream._handle) {
      this.#stream = undefined;
      throw new GitError('inflate returned an error: the data is corrupt');
    }
    const [spaceLeft = 0, inputLeft = 0] = stream._writeState;
    this.consumed = to - from - inputLeft;
    this.produced = end - at - spaceLeft;
  }
}

function open(): Internals {
  const stream = createInflate() as Internals;
  if (typeof stream._handle?.writeSync !== 'function' || !stream._writeState) {
    throw new Error(
      'node:zlib of this runtime holds no handle that writes synchronously: Inflater must be adapted to it',
    );
  }
  // A stream with an error also emits it; `write` has thrown by then.
  stream.on('error', () => undefined);
  return stream;
}
