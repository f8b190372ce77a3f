/** More than any entry's number; a base times this, plus an entry, is still exact in a double. */
const ENTRIES = 2 ** 24;

/** Deltas that wait for their base, found by it. Takes 8 bytes a delta. */
export class WaitingDeltas {
  /** In order: the base, times ENTRIES, plus the entry. */
  readonly #keys: Float64Array;

  /** @param deltas pairs of the number of a base, and the entry of a delta on it */
  constructor(deltas: Iterable<[base: number, entry: number]>) {
    this.#keys = Float64Array.from(deltas, ([base, entry]) => base * ENTRIES + entry).sort();
  }

  /** The entries that wait for a base, in ascending order. */
  on(base: number): number[] {
    const first = base * ENTRIES;
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? 0) < first) low = middle + 1;
      else high = middle;
    }
    const entries: number[] = [];
    for (let key = this.#keys[low]; key !== undefined && key < first + ENTRIES; key = this.#keys[++low]) {
      entries.push(key - first);
    }
    return entries;
  }

  /** Each base once, in ascending order. */
  *bases(): Generator<number> {
    let before = -1;
    for (const key of this.#keys) {
      const base = Math.floor(key / ENTRIES);
      if (base !== before) yield base;
      before = base;
    }
  }
}
