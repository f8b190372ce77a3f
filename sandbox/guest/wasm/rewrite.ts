/**
 * Makes a WebAssembly module with threads (the wasi-threads proposal) wait by a call instead of an instruction.
 *
 * There is one thread here, which may not block. So each `memory.atomic.wait32` and `memory.atomic.notify` becomes a
 * `call_indirect` of one of two entries that are added at the end of the module's table. Nothing else of the module is
 * renumbered.
 */
import { Cursor, findAtomics } from './instructions.ts';

export interface Rewritten {
  bytes: Uint8Array<ArrayBuffer>;
  /** Name under which the table is exported. */
  table: string;
  /** The entry that waits: `(address, expected, timeout in ns as i64, offset) -> i32`. */
  wait: number;
  /** The entry that notifies: `(address, count, offset) -> i32`. */
  notify: number;
}

interface Section {
  id: number;
  /** Where its content begins and ends. */
  start: number;
  end: number;
}

const sectionIds = { type: 1, import: 2, table: 4, export: 7, start: 8, code: 10 };
const funcref = 0x70;
const [i32, i64] = [0x7f, 0x7e];
const functionTypes = [
  [0x60, 4, i32, i32, i64, i32, 1, i32],
  [0x60, 3, i32, i32, i32, 1, i32],
];
const externalKinds = { function: 0, table: 1 };

/**
 * Rewrites a module that starts threads and exports its table of functions.
 *
 * @returns undefined for every other module
 */
export function rewriteThreads(bytes: Uint8Array): Rewritten | undefined {
  // What the module imports it names, so most modules are told apart without reading them.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('thread-spawn')) return undefined;
  const sections = readSections(bytes);
  const content = (id: number): Uint8Array | undefined => {
    const section = sections.find((candidate) => candidate.id === id);
    return section && bytes.subarray(section.start, section.end);
  };
  const [types, tables, code] = [content(sectionIds.type), content(sectionIds.table), content(sectionIds.code)];
  const imported = readImports(content(sectionIds.import));
  const table = exportedTable(content(sectionIds.export));
  if (!types || !tables || !code || !imported.spawnsThreads || imported.tables > 0 || !table) return undefined;
  const typeCount = new Cursor(types).number();
  const grown = growTable(tables);
  if (grown === undefined) return undefined;
  const start = content(sectionIds.start);
  // What the engine runs before the table can be filled stays as it is: it only waits for a thread that is ahead of it.
  const untouched = start ? new Cursor(start).number() - imported.functions : -1;

  const calls = {
    wait: { type: typeCount, entry: grown.entry },
    notify: { type: typeCount + 1, entry: grown.entry + 1 },
  };
  const replaced = new Map<number, Uint8Array[]>([
    [sectionIds.type, appendTypes(types, typeCount)],
    [sectionIds.table, [grown.content]],
    [sectionIds.code, replaceInCode(code, untouched, calls)],
  ]);
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  for (const { id, start: from, end } of sections) {
    const chunks = replaced.get(id) ?? [bytes.subarray(from, end)];
    parts.push(Uint8Array.of(id, ...unsigned(chunks.reduce((sum, { length }) => sum + length, 0))), ...chunks);
  }
  return { bytes: concat(parts), table, wait: calls.wait.entry, notify: calls.notify.entry };
}

function readSections(bytes: Uint8Array): Section[] {
  const cursor = new Cursor(bytes, 8);
  const sections: Section[] = [];
  while (cursor.position < bytes.length) {
    const id = cursor.byte();
    const length = cursor.number();
    sections.push({ id, start: cursor.position, end: cursor.position + length });
    cursor.position += length;
  }
  return sections;
}

function readName(cursor: Cursor): string {
  const length = cursor.number();
  const name = Buffer.from(cursor.bytes.subarray(cursor.position, cursor.position + length)).toString();
  cursor.position += length;
  return name;
}

function readImports(section: Uint8Array | undefined): { functions: number; tables: number; spawnsThreads: boolean } {
  const found = { functions: 0, tables: 0, spawnsThreads: false };
  if (section === undefined) return found;
  const cursor = new Cursor(section);
  for (let left = cursor.number(); left > 0; left -= 1) {
    const module = readName(cursor);
    const name = readName(cursor);
    const kind = cursor.byte();
    if (kind === externalKinds.function) {
      found.functions += 1;
      found.spawnsThreads ||= module === 'wasi' && name === 'thread-spawn';
      cursor.skip();
    } else if (kind === externalKinds.table) {
      found.tables += 1;
      cursor.skip();
      skipLimits(cursor);
    } else if (kind === 2) skipLimits(cursor);
    else cursor.skip(2);
  }
  return found;
}

function skipLimits(cursor: Cursor): void {
  cursor.skip((cursor.byte() & 1) === 1 ? 2 : 1);
}

/** The name of the export of table 0. */
function exportedTable(section: Uint8Array | undefined): string | undefined {
  if (section === undefined) return undefined;
  const cursor = new Cursor(section);
  for (let left = cursor.number(); left > 0; left -= 1) {
    const name = readName(cursor);
    const kind = cursor.byte();
    const index = cursor.number();
    if (kind === externalKinds.table && index === 0) return name;
  }
  return undefined;
}

/** Adds two entries to the only table, which holds functions. */
function growTable(section: Uint8Array): { content: Uint8Array; entry: number } | undefined {
  const cursor = new Cursor(section);
  if (cursor.number() !== 1 || cursor.byte() !== funcref) return undefined;
  const flags = cursor.byte();
  const entry = cursor.number();
  const limits = [...unsigned(entry + 2), ...((flags & 1) === 1 ? unsigned(cursor.number() + 2) : [])];
  return { content: Uint8Array.of(1, funcref, flags, ...limits), entry };
}

function appendTypes(section: Uint8Array, count: number): Uint8Array[] {
  const cursor = new Cursor(section);
  cursor.number();
  return [
    Uint8Array.from(unsigned(count + functionTypes.length)),
    section.subarray(cursor.position),
    Uint8Array.from(functionTypes.flat()),
  ];
}

function replaceInCode(
  section: Uint8Array,
  untouched: number,
  calls: Record<'wait' | 'notify', { type: number; entry: number }>,
): Uint8Array[] {
  const cursor = new Cursor(section);
  const count = cursor.number();
  const parts: Uint8Array[] = [section.subarray(0, cursor.position)];
  let kept = cursor.position;
  for (let index = 0; index < count; index += 1) {
    const before = cursor.position;
    const length = cursor.number();
    const body = section.subarray(cursor.position, cursor.position + length);
    cursor.position += length;
    if (index === untouched || !mayHaveAtomics(body)) continue;
    const pieces: Uint8Array[] = [];
    let position = 0;
    for (const { kind, start, end, offset } of findAtomics(body)) {
      const { type, entry } = calls[kind];
      const call = [0x41, ...signed(offset), 0x41, ...signed(entry), 0x11, ...unsigned(type), 0];
      pieces.push(body.subarray(position, start), Uint8Array.from(call));
      position = end;
    }
    if (pieces.length === 0) continue;
    pieces.push(body.subarray(position));
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    parts.push(section.subarray(kept, before), Uint8Array.from(unsigned(size)), ...pieces);
    kept = cursor.position;
  }
  parts.push(section.subarray(kept));
  return parts;
}

const patterns = [Buffer.from([0xfe, 0x00]), Buffer.from([0xfe, 0x01])];

/** Few functions have any, so most need not be stepped through. */
function mayHaveAtomics(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return patterns.some((pattern) => bytes.includes(pattern));
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** A number of 32 bits in signed LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; ) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }
  return result;
}
