interface Entry<Value> {
  value: Value;
  bytes: number;
  used: boolean;
}

/**
 * Values up to a number of bytes in all. The oldest goes first, unless it was used since its turn last came: nearly
 * what "least recently used" gives, without moving an entry each time it is read.
 */
export class ByteCache<Key, Value> {
  readonly #entries = new Map<Key, Entry<Value>>();
  readonly #limit: number;
  /** The keys by age, from `#oldest` on. */
  #queue: Key[] = [];
  #oldest = 0;
  #bytes = 0;

  /** @param limit in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    entry.used = true;
    return entry.value;
  }

  /** Keeps the value, unless it is there already or would take more than half of the room. */
  set(key: Key, value: Value, bytes: number): void {
    if (bytes > this.#limit / 2 || this.#entries.has(key)) return;
    this.#entries.set(key, { value, bytes, used: false });
    this.#queue.push(key);
    this.#bytes += bytes;
    while (this.#bytes > this.#limit) this.#evict();
  }

  #evict(): void {
    const key = this.#queue[this.#oldest++] as Key;
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#oldest);
      this.#oldest = 0;
    }
    const entry = this.#entries.get(key);
    if (!entry) return;
    if (entry.used) {
      entry.used = false;
      this.#queue.push(key);
    } else {
      this.#entries.delete(key);
      this.#bytes -= entry.bytes;
    }
  }
}
