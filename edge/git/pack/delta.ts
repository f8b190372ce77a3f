/**
 * A delta (gitformat-pack, "Deltified representation"): the size of the base and of the result as little-endian
 * base-128 numbers, then instructions. `1xxxxxxx` copies from the base: the low four bits say which bytes of the
 * offset follow, the next three which of the size (0 means 65,536). `0xxxxxxx` inserts that many bytes that follow.
 */
import { GitError } from '../errors.ts';

/**
 * The sizes a delta begins with, in bytes, and where its instructions begin.
 * @throws GitError when it is cut short or a size is beyond 2^53
 */
export function readDeltaSizes(delta: Uint8Array): { base: number; result: number; instructions: number } {
  let at = 0;
  const size = (): number => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = delta[at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new GitError('delta is truncated');
  };
  return { base: size(), result: size(), instructions: at };
}

/**
 * The result of a delta on its base.
 * @param maxBytes how large the result may be
 * @param room where the result is made if it fits
 * @throws GitError when the delta does not fit the base, or does not make exactly what it says
 */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  maxBytes: number,
  room: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const { result: size } = checkSizes(base, delta, maxBytes);
  const result = size <= room.length ? room.subarray(0, size) : new Uint8Array(size);
  let made = 0;
  followDelta(base, delta, maxBytes, (from, at, length) => {
    copy(from, at, length, result, made);
    made += length;
  });
  return result;
}

/**
 * Follows a delta without making its result: `take` gets each run of it, `length` bytes of `from` beginning at `at`.
 * @throws GitError as for applyDelta; `take` may have been called before that
 */
export function followDelta(
  base: Uint8Array,
  delta: Uint8Array,
  maxBytes: number,
  take: (from: Uint8Array, at: number, length: number) => void,
): void {
  const sizes = checkSizes(base, delta, maxBytes);
  let at = sizes.instructions;
  let made = 0;
  while (at < delta.length) {
    const op = delta[at++] ?? 0;
    if (op & 0x80) {
      let offset = 0;
      let size = 0;
      if (op & 0x01) offset = delta[at++] ?? 0;
      if (op & 0x02) offset |= (delta[at++] ?? 0) << 8;
      if (op & 0x04) offset |= (delta[at++] ?? 0) << 16;
      if (op & 0x08) offset = (offset | ((delta[at++] ?? 0) << 24)) >>> 0;
      if (op & 0x10) size = delta[at++] ?? 0;
      if (op & 0x20) size |= (delta[at++] ?? 0) << 8;
      if (op & 0x40) size |= (delta[at++] ?? 0) << 16;
      if (size === 0) size = 0x10000;
      if (offset + size > base.length || made + size > sizes.result) throw new GitError('delta copies out of bounds');
      take(base, offset, size);
      made += size;
    } else if (op > 0) {
      if (at + op > delta.length || made + op > sizes.result) throw new GitError('delta inserts out of bounds');
      take(delta, at, op);
      at += op;
      made += op;
    } else {
      throw new GitError('delta has the reserved instruction 0');
    }
  }
  if (at !== delta.length || made !== sizes.result) throw new GitError('delta ends too early');
}

function checkSizes(base: Uint8Array, delta: Uint8Array, maxBytes: number): ReturnType<typeof readDeltaSizes> {
  const sizes = readDeltaSizes(delta);
  if (sizes.base !== base.length) throw new GitError('delta does not fit its base');
  if (sizes.result > maxBytes) {
    throw new GitError(`delta makes an object of ${sizes.result} bytes; at most ${maxBytes} are allowed`);
  }
  return sizes;
}

/** Short runs are faster copied here than by a call into the engine. */
const SHORT = 48;

function copy(from: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number): void {
  if (length > SHORT) to.set(from.subarray(at, at + length), toAt);
  else for (let i = 0; i < length; i++) to[toAt + i] = from[at + i] ?? 0;
}
