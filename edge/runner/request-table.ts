/**
 * The requests that wait in a runner, kept in its memory for the case that it is killed: the supervisor reads them out of
 * the process right before it ends it, and writes the lines that the runner cannot write any more. Nobody is told of a
 * request while all is well, so one costs a copy of a few hundred bytes.
 *
 *     table   marker slot*     the marker is MARKER_BYTES long, by which the table is found in the process
 *     slot    length text      SLOT_BYTES in all; the length has two bytes, the higher first, and is 0 in a free slot
 *     text    app LF dyno LF at LF method LF protocol LF request-id LF host LF forwarded-for LF path
 *
 * A path that does not fit is cut off.
 */
import type { WaitingRequest } from '../router/router-log.ts';

export const MARKER_BYTES = 32;
export const SLOT_BYTES = 1_024;
const SLOTS = 4_096;
export const TABLE_BYTES = MARKER_BYTES + SLOTS * SLOT_BYTES;

/** Clients make this header as long as they like. */
const MAX_FORWARDED_FOR = 200;

/** One that has waited this long has lost its client, with whom its I/O ends, or is an upload. Milliseconds. */
const FORGET_MS = 65_000;

/** The bytes that a table begins with: not the word itself, which a process has in other places, too. */
export function writeMarker(word: string, bytes: Uint8Array): void {
  for (let i = 0; i < MARKER_BYTES; i++) bytes[i] = ~word.charCodeAt(i);
}

export class RequestTable {
  readonly bytes = new Uint8Array(TABLE_BYTES);
  /** The lowest last, so that memory which was never needed stays untouched. */
  readonly #free = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i);
  readonly #since = new Float64Array(SLOTS);
  readonly #encoder = new TextEncoder();

  /** @param word what only this platform's processes know */
  constructor(word: string) {
    writeMarker(word, this.bytes);
  }

  /** Takes a request in; what is returned takes it out again. */
  enter(request: WaitingRequest): () => void {
    const slot = this.#free.pop() ?? this.#forgotten(request.at - FORGET_MS);
    if (slot === undefined) return () => {};
    const offset = MARKER_BYTES + slot * SLOT_BYTES;
    const { written } = this.#encoder.encodeInto(textOf(request), this.bytes.subarray(offset + 2, offset + SLOT_BYTES));
    this.bytes[offset + 1] = written;
    this.bytes[offset] = written >> 8;
    this.#since[slot] = request.at;
    return () => {
      // Another may have got the slot.
      if (this.#since[slot] !== request.at) return;
      this.bytes[offset] = 0;
      this.bytes[offset + 1] = 0;
      this.#since[slot] = 0;
      this.#free.push(slot);
    };
  }

  #forgotten(before: number): number | undefined {
    const slot = this.#since.findIndex((since) => since < before);
    return slot < 0 ? undefined : slot;
  }
}

const textOf = ({ app, dyno, at, method, protocol, requestId, host, forwardedFor, path }: WaitingRequest): string =>
  `${app}\n${dyno}\n${at}\n${method}\n${protocol}\n${requestId}\n${host}\n${forwardedFor.slice(0, MAX_FORWARDED_FOR)}\n${path}`;

/** The requests in a table, in no order. */
export function* readTable(bytes: Uint8Array): Generator<WaitingRequest> {
  const decoder = new TextDecoder();
  for (let offset = MARKER_BYTES; offset + SLOT_BYTES <= bytes.length; offset += SLOT_BYTES) {
    const length = ((bytes[offset] ?? 0) << 8) + (bytes[offset + 1] ?? 0);
    if (length === 0 || length > SLOT_BYTES - 2) continue;
    const fields = decoder.decode(bytes.subarray(offset + 2, offset + 2 + length)).split('\n');
    const [app = '', dyno = '', at, method = '', protocol, requestId = '', host = '', forwardedFor = '', path] = fields;
    // The process may have been at this very slot.
    if (path === undefined) continue;
    const scheme = protocol === 'https' ? 'https' : 'http';
    yield { app, dyno, at: Number(at), method, protocol: scheme, requestId, host, forwardedFor, path };
  }
}
