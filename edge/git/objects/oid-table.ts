import { OID_BYTES } from './oid.ts';

/**
 * A set of binary object names, each with the number it got when it was added (0, 1, 2, …), by which the user keeps
 * what else it knows about the object. Takes about 32 bytes an object, where a `Map` of strings takes 150.
 */
export class OidTable {
  /** How many names it holds. */
  size = 0;
  #oids = new Uint8Array(256 * OID_BYTES);
  #slots = new Int32Array(512).fill(-1);
  // A client can make up names that fall on one slot, unless it cannot know which slot a name falls on.
  readonly #seed = crypto.getRandomValues(new Uint32Array(2)).map((word) => word | 1);

  /** The number of the name at `bytes[at]`, which is added if it is new. */
  add(bytes: Uint8Array, at = 0): number {
    const slot = this.#slotOf(bytes, at);
    const known = this.#slots[slot] ?? -1;
    if (known >= 0) return known;
    const id = this.size++;
    if (this.size * OID_BYTES > this.#oids.length) this.#grow();
    this.#oids.set(bytes.subarray(at, at + OID_BYTES), id * OID_BYTES);
    this.#slots[slot] = id;
    if (this.size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  /** The number of the name at `bytes[at]`, or -1. */
  find(bytes: Uint8Array, at = 0): number {
    return this.#slots[this.#slotOf(bytes, at)] ?? -1;
  }

  /** The name with number `id`; valid until the next `add`. */
  oid(id: number): Uint8Array {
    return this.#oids.subarray(id * OID_BYTES, (id + 1) * OID_BYTES);
  }

  /** Orders two numbers by their names. */
  compare(a: number, b: number): number {
    const oids = this.#oids;
    for (let i = a * OID_BYTES, j = b * OID_BYTES, end = i + OID_BYTES; i < end; i++, j++) {
      const difference = (oids[i] ?? 0) - (oids[j] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #slotOf(bytes: Uint8Array, at: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#hash(bytes, at) & mask;
    for (;;) {
      const id = slots[slot] ?? -1;
      if (id < 0 || this.#equals(id, bytes, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hash(bytes: Uint8Array, at: number): number {
    let hash = this.#seed[1] ?? 0;
    for (let i = at; i < at + OID_BYTES; i += 4) {
      const word =
        ((bytes[i] ?? 0) << 24) | ((bytes[i + 1] ?? 0) << 16) | ((bytes[i + 2] ?? 0) << 8) | (bytes[i + 3] ?? 0);
      hash = Math.imul(hash ^ word, this.#seed[0] ?? 1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #equals(id: number, bytes: Uint8Array, at: number): boolean {
    const oids = this.#oids;
    for (let i = 0, from = id * OID_BYTES; i < OID_BYTES; i++) {
      if (oids[from + i] !== bytes[at + i]) return false;
    }
    return true;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#oids.length * 2);
    grown.set(this.#oids);
    this.#oids = grown;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let id = 0; id < this.size; id++) {
      let slot = this.#hash(this.#oids, id * OID_BYTES) & mask;
      while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = id;
    }
  }
}
