/** Reads a pack (gitformat-pack) that nobody has looked at, in memory that is bounded before anything is unpacked. */
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';

export interface GitObject {
  type: 'commit' | 'tree' | 'blob' | 'tag';
  data: Buffer;
}

export interface PackLimits {
  objects: number;
  /** Bytes of all objects, unpacked. */
  bytes: number;
}

const types = new Map<number, GitObject['type']>([
  [1, 'commit'],
  [2, 'tree'],
  [3, 'blob'],
  [4, 'tag'],
]);
const offsetDelta = 6;
const referenceDelta = 7;

/** An object that is written as a change of another: of one at an offset of the pack, or of one by its id. */
interface Delta {
  offset: number;
  base: number | string;
  change: Buffer;
}

/**
 * @returns the objects of a pack, by their ids
 * @throws Error that says what is wrong with it
 */
export function readPack(pack: Buffer, limits: PackLimits): Map<string, GitObject> {
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) {
    throw new Error('it is no pack');
  }
  const end = pack.length - 20;
  if (!createHash('sha1').update(pack.subarray(0, end)).digest().equals(pack.subarray(end))) {
    throw new Error('its checksum is wrong');
  }
  const count = pack.readUInt32BE(8);
  if (count > limits.objects) throw new Error(`it has ${count} objects, and may have ${limits.objects}`);

  const byId = new Map<string, GitObject>();
  const byOffset = new Map<number, GitObject>();
  let bytes = 0;
  const allow = (size: number) => {
    bytes += size;
    if (bytes > limits.bytes) throw new Error(`its objects take more than ${limits.bytes} bytes`);
  };
  const keep = (offset: number, object: GitObject) => {
    byOffset.set(offset, object);
    byId.set(idOf(object), object);
  };

  let deltas: Delta[] = [];
  let at = 12;
  for (let index = 0; index < count; index++) {
    const entry = readHead(pack, at);
    allow(entry.size);
    const { data, length } = inflate(pack.subarray(entry.start, end), entry.size);
    if (entry.base === undefined) keep(at, { type: entry.type, data });
    else deltas.push({ offset: at, base: entry.base, change: data });
    at = entry.start + length;
  }
  // A base may itself be a delta, and come later.
  while (deltas.length > 0) {
    const waiting: Delta[] = [];
    for (const delta of deltas) {
      const base = typeof delta.base === 'number' ? byOffset.get(delta.base) : byId.get(delta.base);
      if (base) keep(delta.offset, { type: base.type, data: applyDelta(base.data, delta.change, allow) });
      else waiting.push(delta);
    }
    if (waiting.length === deltas.length) throw new Error('an object is a change of one that is not in it');
    deltas = waiting;
  }
  return byId;
}

type Head = { size: number; start: number } & (
  | { base: undefined; type: GitObject['type'] }
  | { base: number | string }
);

/** The head of an entry: type, size, and what a delta is made from. */
function readHead(pack: Buffer, offset: number): Head {
  let at = offset;
  let byte = pack.readUInt8(at++);
  const code = (byte >> 4) & 7;
  let size = byte & 15;
  for (let factor = 16; byte & 128; factor *= 128) {
    byte = pack.readUInt8(at++);
    size += (byte & 127) * factor;
  }
  const type = types.get(code);
  if (type) return { size, start: at, base: undefined, type };
  if (code === referenceDelta) return { size, start: at + 20, base: pack.toString('hex', at, at + 20) };
  if (code !== offsetDelta) throw new Error(`it has an object of type ${code}`);
  byte = pack.readUInt8(at++);
  let distance = byte & 127;
  while (byte & 128) {
    byte = pack.readUInt8(at++);
    distance = (distance + 1) * 128 + (byte & 127);
  }
  return { size, start: at, base: offset - distance };
}

function inflate(compressed: Buffer, size: number): { data: Buffer; length: number } {
  // The declaration of zlib knows nothing of `info`.
  const { buffer, engine } = inflateSync(compressed, { info: true, maxOutputLength: Math.max(size, 1) }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  if (buffer.length !== size) throw new Error('an object has another size than its head says');
  return { data: buffer, length: engine.bytesWritten };
}

/** gitformat-pack, "Deltified representation". */
function applyDelta(base: Buffer, change: Buffer, allow: (size: number) => void): Buffer {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = change.readUInt8(at++);
      value += (byte & 127) * factor;
      if (!(byte & 128)) return value;
    }
  };
  if (varint() !== base.length) throw new Error('a change is one of another object');
  const size = varint();
  allow(size);
  const result = Buffer.alloc(size);
  let written = 0;
  while (at < change.length) {
    const code = change.readUInt8(at++);
    if (code === 0) throw new Error('a change has an instruction that is none');
    let source = change;
    let from = at;
    let length = code;
    if (code & 128) {
      const number = (first: number, bytes: number): number => {
        let value = 0;
        for (let byte = 0; byte < bytes; byte++)
          if (code & (first << byte)) value += change.readUInt8(at++) * 256 ** byte;
        return value;
      };
      source = base;
      from = number(1, 4);
      length = number(16, 3) || 0x10000;
    } else {
      at += length;
    }
    if (from + length > source.length || written + length > size) throw new Error('a change reaches too far');
    source.copy(result, written, from, from + length);
    written += length;
  }
  if (written !== size) throw new Error('a change makes less than it says');
  return result;
}

const idOf = ({ type, data }: GitObject): string =>
  createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
