/**
 * A pack index, version 2 (gitformat-pack): `\377tOc`, 2, a fan-out of 256 counts by first byte, then for each object
 * in the order of names: the name, the CRC-32 of its entry, its offset (31 bits, or with the top bit set the row of an
 * 8-byte table that follows), and at the end the pack's SHA-1 and the index's own.
 */
import { createHash } from 'node:crypto';
import { OID_BYTES } from '../objects/oid.ts';
import type { OidTable } from '../objects/oid-table.ts';

const MAGIC = 0xff744f63;
const HEADER_BYTES = 8;
const FANOUT_BYTES = 256 * 4;
/** More rows than a pack may have; an offset times this is still exact in a double. */
const ROWS = 2 ** 22;

export interface IndexRows {
  oids: OidTable;
  /** The objects' numbers in `oids`. */
  ids: Int32Array;
  /** By row of `ids`. */
  crcs: Uint32Array;
  /** By row of `ids`: where the entry begins, below 2^31 as limits.packBytes has it. */
  offsets: Uint32Array;
  /** The pack's trailer. */
  packHash: Uint8Array;
}

export function writePackIndex({ oids, ids, crcs, offsets, packHash }: IndexRows): Uint8Array {
  const count = ids.length;
  const order = sortedRows(oids, ids);
  const bytes = new Uint8Array(HEADER_BYTES + FANOUT_BYTES + count * 28 + 40);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, 2);
  const names = HEADER_BYTES + FANOUT_BYTES;
  const crcAt = names + count * OID_BYTES;
  const offsetAt = crcAt + count * 4;
  const fanout = new Uint32Array(256);
  for (let i = 0; i < count; i++) {
    const row = order[i] ?? 0;
    const oid = oids.oid(ids[row] ?? 0);
    bytes.set(oid, names + i * OID_BYTES);
    fanout[oid[0] ?? 0] = (fanout[oid[0] ?? 0] ?? 0) + 1;
    view.setUint32(crcAt + i * 4, crcs[row] ?? 0);
    view.setUint32(offsetAt + i * 4, offsets[row] ?? 0);
  }
  let sum = 0;
  fanout.forEach((n, byte) => {
    sum += n;
    view.setUint32(HEADER_BYTES + byte * 4, sum);
  });
  const trailer = offsetAt + count * 4;
  bytes.set(packHash, trailer);
  bytes.set(
    createHash('sha1')
      .update(bytes.subarray(0, trailer + 20))
      .digest(),
    trailer + 20,
  );
  return bytes;
}

/** Rows in the order of their names: by first two bytes in one pass, then within each of those. */
function sortedRows(oids: OidTable, ids: Int32Array): Int32Array {
  const starts = new Int32Array(65537);
  const keyOf = (id: number) => {
    const oid = oids.oid(id);
    return ((oid[0] ?? 0) << 8) | (oid[1] ?? 0);
  };
  const keys = new Uint16Array(ids.length);
  ids.forEach((id, row) => {
    const key = keyOf(id);
    keys[row] = key;
    starts[key + 1] = (starts[key + 1] ?? 0) + 1;
  });
  for (let key = 0; key < 65536; key++) starts[key + 1] = (starts[key + 1] ?? 0) + (starts[key] ?? 0);
  const next = starts.slice();
  const order = new Int32Array(ids.length);
  keys.forEach((key, row) => {
    const at = next[key] ?? 0;
    next[key] = at + 1;
    order[at] = row;
  });
  const compare = (a: number, b: number) => oids.compare(ids[a] ?? 0, ids[b] ?? 0);
  for (let key = 0; key < 65536; key++) {
    const from = starts[key] ?? 0;
    const to = starts[key + 1] ?? 0;
    if (to - from > 1) order.subarray(from, to).sort(compare);
  }
  return order;
}

/** Finds objects in an index that is in memory. */
export class PackIndex {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #order: { offsets: Uint32Array; rows: Uint32Array } | undefined;

  /** @throws Error when the bytes are no index of version 2 */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#view.getUint32(0) !== MAGIC || this.#view.getUint32(4) !== 2) throw new Error('not a pack index');
    this.count = this.#view.getUint32(HEADER_BYTES + 255 * 4);
  }

  /** The offset of the object whose name is at `oid[at]`, or -1. */
  find(oid: Uint8Array, at = 0): number {
    const row = this.#row(oid, at);
    return row < 0 ? -1 : this.offset(row);
  }

  /** The offset of the object in that row. */
  offset(row: number): number {
    return this.#view.getUint32(HEADER_BYTES + FANOUT_BYTES + this.count * 24 + row * 4);
  }

  /** The binary name of the object in that row. */
  oid(row: number): Uint8Array {
    const at = HEADER_BYTES + FANOUT_BYTES + row * OID_BYTES;
    return this.#bytes.subarray(at, at + OID_BYTES);
  }

  /** Where the entry after the one at `offset` begins, or undefined for the last. */
  end(offset: number): number | undefined {
    return this.#inOrder().offsets[this.#place(offset) + 1];
  }

  /** The binary name of the object whose entry is at `offset`, or undefined. */
  oidAtOffset(offset: number): Uint8Array | undefined {
    const row = this.#inOrder().rows[this.#place(offset)];
    return row === undefined ? undefined : this.oid(row);
  }

  /** The offsets in ascending order, and the row of each. */
  #inOrder(): { offsets: Uint32Array; rows: Uint32Array } {
    if (!this.#order) {
      // An offset and a row make one number: sorting numbers is ten times as fast as sorting by a function.
      const keys = Float64Array.from({ length: this.count }, (_, row) => this.offset(row) * ROWS + row).sort();
      this.#order = {
        offsets: Uint32Array.from(keys, (key) => Math.floor(key / ROWS)),
        rows: Uint32Array.from(keys, (key) => key % ROWS),
      };
    }
    return this.#order;
  }

  /** Which of all entries, in their order in the pack, is at `offset`; -1 when none is. */
  #place(offset: number): number {
    const { offsets } = this.#inOrder();
    let low = 0;
    let high = offsets.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = offsets[middle] ?? 0;
      if (at === offset) return middle;
      if (at < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #row(oid: Uint8Array, at: number): number {
    const first = oid[at] ?? 0;
    let low = first === 0 ? 0 : this.#view.getUint32(HEADER_BYTES + (first - 1) * 4);
    let high = this.#view.getUint32(HEADER_BYTES + first * 4) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(middle, oid, at);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #compare(row: number, oid: Uint8Array, at: number): number {
    const from = HEADER_BYTES + FANOUT_BYTES + row * OID_BYTES;
    for (let i = 0; i < OID_BYTES; i++) {
      const difference = (this.#bytes[from + i] ?? 0) - (oid[at + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
