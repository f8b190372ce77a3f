/**
 * A pack (gitformat-pack): `PACK`, version 2, the number of entries, the entries, and the SHA-1 of all before it.
 * An entry is a header, for deltas what names their base, and a zlib stream. The header holds the type in bits 4 to 6
 * of its first byte, and the inflated size in the low four bits and then seven a byte, while the top bit is set.
 */
import { GitError } from '../errors.ts';
import type { ObjectType } from '../objects/object.ts';
import { OID_BYTES } from '../objects/oid.ts';

export const PACK_HEADER_BYTES = 12;
export const PACK_TRAILER_BYTES = 20;
/** More than any entry's header and base name take: 8 + 20. */
export const MAX_ENTRY_HEADER_BYTES = 32;

/** The types of entry that are deltas: the base is so many bytes before it, or has that name. */
export const OFS_DELTA = 6;
export const REF_DELTA = 7;

export interface EntryHeader {
  type: ObjectType | typeof OFS_DELTA | typeof REF_DELTA;
  /** Inflated bytes: of the object, or of the delta. */
  size: number;
  /** Bytes from the header's first to the zlib stream's. */
  length: number;
  /** For OFS_DELTA: how far before this entry its base begins. */
  distance: number;
  /** For REF_DELTA: where in the bytes given the base's name stands. */
  baseAt: number;
}

/**
 * Reads an entry's header into `header`.
 * @throws GitError when it is cut short by `end`, or says what cannot be
 */
export function readEntryHeader(bytes: Uint8Array, start: number, end: number, header: EntryHeader): void {
  let at = start;
  let byte = at < end ? (bytes[at++] ?? 0) : -1;
  if (byte < 0) throw truncated();
  const type = (byte >> 4) & 7;
  if (type === 0 || type === 5) throw new GitError(`unknown object type ${type} in pack`);
  let size = byte & 15;
  for (let scale = 16; byte & 0x80; scale *= 128) {
    if (at >= end) throw truncated();
    if (scale > 2 ** 46) throw new GitError('object size in pack is out of bounds');
    byte = bytes[at++] ?? 0;
    size += (byte & 0x7f) * scale;
  }
  header.type = type as EntryHeader['type'];
  header.size = size;
  if (type === OFS_DELTA) {
    let distance = 0;
    do {
      if (at >= end) throw truncated();
      byte = bytes[at++] ?? 0;
      distance = distance * 128 + (byte & 0x7f);
      if (byte & 0x80) distance += 1;
      if (distance > 2 ** 46) throw new GitError('delta base offset is out of bound');
    } while (byte & 0x80);
    header.distance = distance;
  } else if (type === REF_DELTA) {
    header.baseAt = at;
    at += OID_BYTES;
    if (at > end) throw truncated();
  }
  header.length = at - start;
}

export const emptyHeader = (): EntryHeader => ({ type: 1, size: 0, length: 0, distance: 0, baseAt: 0 });

const truncated = () => new GitError('early EOF: the pack is truncated');

/** An entry's header; a delta's base follows it. */
export function writeEntryHeader(type: EntryHeader['type'], size: number): Uint8Array {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Uint8Array.from(bytes);
}

/** How an OFS_DELTA says that its base begins `distance` bytes before it. */
export function writeOffset(distance: number): Uint8Array {
  const bytes = [distance & 0x7f];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift(0x80 | (rest & 0x7f));
  }
  return Uint8Array.from(bytes);
}

export function writePackHeader(objects: number): Uint8Array {
  const header = new Uint8Array(PACK_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x5041434b);
  view.setUint32(4, 2);
  view.setUint32(8, objects);
  return header;
}
