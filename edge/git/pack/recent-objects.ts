import { ByteCache } from '../store/cache.ts';

/** Objects below this size are copied into the ring; larger ones are kept as they are. */
export const SMALL = 64 * 1024;
const RING_BYTES = 16 * 1024 * 1024;
const LARGE_BYTES = 16 * 1024 * 1024;

/**
 * The contents of the entries of a pack that were met lately, as bases for the deltas that follow. Small ones go one
 * after the other into a ring, over the oldest: nothing is allocated for them, of which there may be a million.
 */
export class RecentObjects {
  readonly #large = new ByteCache<number, Uint8Array>(LARGE_BYTES);
  /** Grows up to RING_BYTES, and only then begins again at its start. */
  #ring = new Uint8Array(SMALL);
  /** Bytes that ever went into the ring, counting what was left empty at its end. */
  #written = 0;
  /** By entry: `#written` when it went in, plus one; 0 when it never did. */
  readonly #places: Float64Array;
  readonly #lengths: Uint16Array;

  /** @param entries of the pack */
  constructor(entries: number) {
    this.#places = new Float64Array(entries);
    this.#lengths = new Uint16Array(entries);
  }

  /** The content of an entry, valid until the next `set`; undefined when it is not there any more. */
  get(entry: number): Uint8Array | undefined {
    const place = this.#places[entry] ?? 0;
    if (place === 0) return this.#large.get(entry);
    const from = place - 1;
    if (from < this.#written - RING_BYTES) return undefined;
    const at = from % RING_BYTES;
    return this.#ring.subarray(at, at + (this.#lengths[entry] ?? 0));
  }

  /** Takes the content of an entry. Small ones are copied, large ones must not change any more. */
  set(entry: number, data: Uint8Array): void {
    if (data.length >= SMALL) {
      this.#large.set(entry, data, data.length);
      return;
    }
    let at = this.#written % RING_BYTES;
    if (at + data.length > RING_BYTES) {
      this.#written += RING_BYTES - at;
      at = 0;
    }
    if (at + data.length > this.#ring.length) this.#grow();
    this.#ring.set(data, at);
    this.#places[entry] = this.#written + 1;
    this.#lengths[entry] = data.length;
    this.#written += data.length;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#ring.length * 2);
    grown.set(this.#ring);
    this.#ring = grown;
  }
}
