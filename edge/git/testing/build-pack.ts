import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { hashObject, type ObjectType } from '../objects/object.ts';
import { type Oid, oidAt, oidBytes } from '../objects/oid.ts';
import { OFS_DELTA, REF_DELTA, writeEntryHeader, writeOffset, writePackHeader } from '../pack/entry.ts';

/** An entry of a pack to be made, right or wrong. */
export type Entry =
  | { type: ObjectType; data: Uint8Array; size?: number }
  /** On the entry of that number. */
  | { base: number; delta: Uint8Array }
  | { base: Oid; delta: Uint8Array };

/** A pack of these entries. */
export function buildPack(entries: Entry[], { count = entries.length } = {}): Uint8Array {
  const parts = [writePackHeader(count)];
  const offsets: number[] = [];
  let position = 12;
  for (const entry of entries) {
    offsets.push(position);
    for (const part of entryParts(entry, position, offsets)) {
      parts.push(part);
      position += part.length;
    }
  }
  return withTrailer(Buffer.concat(parts));
}

export const withTrailer = (pack: Uint8Array): Uint8Array =>
  Buffer.concat([pack, createHash('sha1').update(pack).digest()]);

function entryParts(entry: Entry, position: number, offsets: number[]): Uint8Array[] {
  if ('type' in entry) return [writeEntryHeader(entry.type, entry.size ?? entry.data.length), deflateSync(entry.data)];
  const { base, delta } = entry;
  const named = typeof base === 'string';
  const where = named ? oidBytes(base) : writeOffset(position - (offsets[base] ?? 0));
  return [writeEntryHeader(named ? REF_DELTA : OFS_DELTA, delta.length), where, deflateSync(delta)];
}

/** A delta from the sizes it says and its instructions. */
export const buildDelta = (base: number, result: number, ...instructions: number[]): Uint8Array =>
  Uint8Array.from([...varint(base), ...varint(result), ...instructions]);

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))];
}

export const nameOf = (type: ObjectType, data: Uint8Array): Oid => oidAt(hashObject(type, data));

export const blob = (text: string) => ({ type: 3 as const, data: Buffer.from(text) });

/** A tree of entries `[mode in octal, name, object]`, in the order given. */
export const tree = (...entries: [mode: string, name: string, oid: Oid][]) => ({
  type: 2 as const,
  data: Buffer.concat(
    entries.flatMap(([mode, name, oid]) => [Buffer.from(`${mode} ${name}\0`, 'latin1'), oidBytes(oid)]),
  ),
});

export const commit = (treeOid: Oid, ...parents: Oid[]) => ({
  type: 1 as const,
  data: Buffer.from(
    [
      `tree ${treeOid}`,
      ...parents.map((parent) => `parent ${parent}`),
      'author Ada <ada@example.com> 1700000000 +0000',
      'committer Ada <ada@example.com> 1700000000 +0000',
      '',
      'A commit\n',
    ].join('\n'),
  ),
});
