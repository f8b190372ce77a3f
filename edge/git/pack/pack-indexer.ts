import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { GitError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { type GitObject, hashObject, ObjectType, objectHash } from '../objects/object.ts';
import { type Oid, oidAt, oidBytes } from '../objects/oid.ts';
import { OidTable } from '../objects/oid-table.ts';
import type { ByteReader } from '../protocol/byte-reader.ts';
import { Turns } from '../turns.ts';
import { applyDelta, followDelta, readDeltaSizes } from './delta.ts';
import {
  emptyHeader,
  MAX_ENTRY_HEADER_BYTES,
  OFS_DELTA,
  PACK_HEADER_BYTES,
  PACK_TRAILER_BYTES,
  REF_DELTA,
  readEntryHeader,
} from './entry.ts';
import { Inflater } from './inflater.ts';
import type { PackFile } from './pack-file.ts';
import { writePackIndex } from './pack-index.ts';
import type { PackSpool } from './pack-spool.ts';
import { RecentObjects, SMALL } from './recent-objects.ts';
import { References } from './references.ts';
import { WaitingDeltas } from './waiting-deltas.ts';

/** Blobs above this size are hashed as they pass, and deltas above it left for `resolve`: neither is held whole. */
const STREAM_ABOVE = 4 * 1024 * 1024;
/**
 * What is made a second time while deltas are resolved, because there was no room to keep it, is bounded by so many
 * times what may be inflated at all.
 */
const REMADE_RATIO = 16;
const NONE = -1;

/**
 * Indexes a pack while it arrives. `receive` reads it once, hashes every whole object, and every delta whose base is
 * still in a cache of recent objects; git writes a base before its deltas, so that is nearly all. `resolve` then does
 * the rest with random access to the stored pack: base by base, deltas of a base together.
 *
 * For each object it keeps 100 bytes at most, 58 where it is only referred to, and 34 more while the index is written.
 * Beyond that, memory does not grow with the pack: 32 MiB of recent objects, and what one delta takes: its base, itself,
 * and its result unless that is a large blob on which nothing else stands.
 */
export class PackIndexer {
  readonly oids = new OidTable();
  readonly references: References;
  /** Bases that are not in the pack (a thin pack). Known after `resolve`. */
  readonly outsideBases: Oid[] = [];
  count = 0;
  readonly #input: ByteReader;
  readonly #spool: PackSpool;
  readonly #limits: Limits;
  readonly #inflater = new Inflater();
  readonly #hash = createHash('sha1');
  #recent = new RecentObjects(0);
  /** Where small objects, and pieces of large ones, are inflated. */
  readonly #piece = new Uint8Array(SMALL);
  /** Where small results of deltas are made. */
  readonly #result = new Uint8Array(SMALL - 1);
  readonly #turns = new Turns();
  #packHash: Uint8Array = new Uint8Array(0);

  // By entry, in the order of the pack.
  #offsets = new Uint32Array(0);
  #headerBytes = new Uint8Array(0);
  /** Inflated, of the object or of the delta. */
  #sizes = new Uint32Array(0);
  #crcs = new Uint32Array(0);
  #kinds = new Uint8Array(0);
  #depths = new Uint16Array(0);
  /** The number in `oids`, once the object is resolved. */
  #ids = new Int32Array(0);
  /** Of an OFS_DELTA the entry of its base; of a REF_DELTA the number of its base in `oids`. */
  #bases = new Int32Array(0);
  /** By number in `oids`: the entry. */
  #entries = new Int32Array(0);

  /** Up to where the input is hashed and spooled, and where the entry being read begins in it: see #advance. */
  #flushed = 0;
  #entryFrom = 0;
  #crc = 0;
  #inflated = 0;
  #remade = 0;
  #unresolved = 0;
  /** The base outside the pack whose deltas are being resolved. */
  #outside: { id: number; object: GitObject } | undefined;

  constructor(options: { input: ByteReader; spool: PackSpool; limits: Limits }) {
    this.#input = options.input;
    this.#spool = options.spool;
    this.#limits = options.limits;
    this.references = new References(this.oids, options.limits.names);
  }

  /**
   * Reads the pack to its end.
   * @throws GitError when it is malformed, cut short, or beyond a limit
   */
  async receive(): Promise<void> {
    this.#flushed = this.#input.start;
    this.#allocate(await this.#readHeader());
    const header = emptyHeader();
    for (let entry = 0; entry < this.count; entry++) {
      const input = this.#input;
      while (input.available < MAX_ENTRY_HEADER_BYTES && (await this.#advance())) {}
      this.#offsets[entry] = this.#position();
      this.#entryFrom = input.start;
      this.#crc = 0;
      readEntryHeader(input.buffer, input.start, input.end, header);
      this.#checkSize(header.type, header.size);
      this.#kinds[entry] = header.type;
      this.#sizes[entry] = header.size;
      this.#headerBytes[entry] = header.length;
      if (header.type === OFS_DELTA) {
        this.#bases[entry] = this.#entryAt((this.#offsets[entry] ?? 0) - header.distance, entry);
      } else if (header.type === REF_DELTA) {
        this.#bases[entry] = this.oids.add(input.buffer, header.baseAt);
      }
      input.start += header.length;
      this.#charge(header.size);
      const delta = header.type === OFS_DELTA || header.type === REF_DELTA;
      if (header.size > STREAM_ABOVE && (delta || header.type === ObjectType.blob)) {
        const hash = delta ? undefined : objectHash(ObjectType.blob, header.size);
        await this.#pass(header.size, (piece) => hash?.update(piece));
        if (hash) this.#name(entry, hash.digest(), ObjectType.blob, 0);
        else this.#unresolved++;
      } else {
        const inflated = this.#inflate(header.size);
        const data = inflated instanceof Promise ? await inflated : inflated;
        if (header.type === OFS_DELTA || header.type === REF_DELTA) this.#takeDelta(entry, data);
        else this.#record(entry, { type: header.type, data }, 0);
      }
      this.#crcs[entry] = crc32(input.buffer.subarray(this.#entryFrom, input.start), this.#crc);
    }
    await this.#readTrailer();
  }

  /**
   * Resolves the deltas that are left.
   * @param pack the pack as it is stored
   * @param outside gives the objects of the repository: bases of a thin pack
   * @throws GitError when a base is nowhere, or a delta does not fit
   */
  async resolve(pack: PackFile, outside: (oid: Oid) => Promise<GitObject | undefined>): Promise<void> {
    if (this.#unresolved === 0) return;
    const waiting = this.#waiting();
    for (let entry = 0; entry < this.count; entry++) {
      if (this.#ids[entry] !== NONE) await this.#resolveBelow(entry, waiting, pack);
    }
    for (const base of waiting.byName.bases()) {
      if (this.#entryOf(base) !== NONE) continue;
      const oid = oidAt(this.oids.oid(base));
      const object = await outside(oid);
      if (!object) continue;
      this.outsideBases.push(oid);
      this.#outside = { id: base, object };
      await this.#resolveDeltas(waiting.byName.on(base), object, 0, waiting, pack);
      this.#outside = undefined;
    }
    if (this.#unresolved > 0) {
      throw new GitError(`pack has ${this.#unresolved} unresolved delta${this.#unresolved === 1 ? '' : 's'}`);
    }
  }

  /** The type of an object, or 0 when it is not in the pack. */
  typeOf(oid: Oid): ObjectType | 0 {
    const id = this.oids.find(oidBytes(oid));
    return id < 0 ? 0 : this.references.type(id);
  }

  /** The pack's `.idx`. */
  writeIndex(): Uint8Array {
    return writePackIndex({
      oids: this.oids,
      ids: this.#ids,
      crcs: this.#crcs,
      offsets: this.#offsets,
      packHash: this.#packHash,
    });
  }

  async #readHeader(): Promise<number> {
    while (this.#input.available < PACK_HEADER_BYTES) {
      if (!(await this.#advance())) throw new GitError('early EOF: the pack is truncated');
    }
    const { buffer, start } = this.#input;
    const view = new DataView(buffer.buffer, buffer.byteOffset + start, PACK_HEADER_BYTES);
    if (view.getUint32(0) !== 0x5041434b) throw new GitError('pack signature mismatch');
    const version = view.getUint32(4);
    if (version !== 2 && version !== 3) throw new GitError(`pack version ${version} unsupported`);
    this.#input.start += PACK_HEADER_BYTES;
    const count = view.getUint32(8);
    if (count > this.#limits.objects) {
      throw new GitError(`the pack has ${count} objects; at most ${this.#limits.objects} are allowed in a push`);
    }
    return count;
  }

  #allocate(count: number): void {
    this.count = count;
    this.#offsets = new Uint32Array(count);
    this.#headerBytes = new Uint8Array(count);
    this.#sizes = new Uint32Array(count);
    this.#recent = new RecentObjects(count);
    this.#crcs = new Uint32Array(count);
    this.#kinds = new Uint8Array(count);
    this.#depths = new Uint16Array(count);
    this.#ids = new Int32Array(count).fill(NONE);
    this.#bases = new Int32Array(count);
    this.#entries = new Int32Array(Math.max(count, 1)).fill(NONE);
  }

  async #readTrailer(): Promise<void> {
    await this.#flush();
    const expected = this.#hash.digest();
    while (this.#input.available < PACK_TRAILER_BYTES && (await this.#advance())) {}
    if (this.#input.available < PACK_TRAILER_BYTES) throw new GitError('early EOF: the pack is truncated');
    if (this.#input.available > PACK_TRAILER_BYTES) throw new GitError('pack has junk at the end');
    this.#packHash = this.#input.take(PACK_TRAILER_BYTES).slice();
    if (!expected.equals(this.#packHash)) throw new GitError('pack is corrupted (SHA1 mismatch)');
    if (await this.#input.fill()) throw new GitError('pack has junk at the end');
    await this.#spool.write(this.#packHash);
  }

  /** Where in the pack the input stands. */
  #position(): number {
    return this.#spool.size + this.#input.start - this.#flushed;
  }

  /** Pulls more input, after what is used of it has gone into the pack's hash and to the store. */
  async #advance(): Promise<boolean> {
    const input = this.#input;
    this.#crc = crc32(input.buffer.subarray(this.#entryFrom, input.start), this.#crc);
    await this.#flush();
    const more = await input.fill();
    this.#flushed = input.start;
    this.#entryFrom = input.start;
    return more;
  }

  async #flush(): Promise<void> {
    const used = this.#input.buffer.subarray(this.#flushed, this.#input.start);
    this.#flushed = this.#input.start;
    if (used.length === 0) return;
    if (this.#spool.size + used.length > this.#limits.packBytes) {
      throw new GitError(`the pack is larger than the ${this.#limits.packBytes} bytes a push may have`);
    }
    if (this.#packHash.length === 0) this.#hash.update(used);
    await this.#spool.write(used);
  }

  #entryAt(offset: number, before: number): number {
    let low = 0;
    let high = before - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = this.#offsets[middle] ?? 0;
      if (at === offset) return middle;
      if (at < offset) low = middle + 1;
      else high = middle - 1;
    }
    throw new GitError('delta base offset is out of bound');
  }

  #checkSize(type: number, size: number): void {
    const limit = type === ObjectType.blob ? this.#limits.blobBytes : this.#limits.heldBytes;
    if (size > limit) throw new GitError(`an object of ${size} bytes is larger than the ${limit} allowed`);
  }

  #charge(bytes: number): void {
    this.#inflated += bytes;
    if (this.#inflated > this.#inflatable()) {
      throw new GitError(`the pack inflates to more than ${this.#limits.inflationRatio} times its size`);
    }
  }

  #inflatable(): number {
    return this.#limits.freeInflation + this.#position() * this.#limits.inflationRatio;
  }

  /** The next `size` inflated bytes; at once, when the input for them is there. */
  #inflate(size: number): Uint8Array | Promise<Uint8Array> {
    const input = this.#input;
    // A byte more than there should be, to see the end of the stream, or too long a one.
    const output = size < SMALL ? this.#piece : new Uint8Array(size + 1);
    this.#inflater.begin();
    this.#inflater.write(input.buffer, input.start, input.end, output, 0, size + 1);
    input.start += this.#inflater.consumed;
    if (input.start === input.end || this.#inflater.produced > size) {
      return this.#inflateOn(output, this.#inflater.produced, size);
    }
    return exactly(output, this.#inflater.produced, size);
  }

  async #inflateOn(output: Uint8Array, made: number, size: number): Promise<Uint8Array> {
    const input = this.#input;
    let produced = made;
    while (produced <= size) {
      if (input.start === input.end && !(await this.#advance())) throw new GitError('early EOF: the pack is truncated');
      this.#inflater.write(input.buffer, input.start, input.end, output, produced, size + 1);
      input.start += this.#inflater.consumed;
      produced += this.#inflater.produced;
      if (input.start < input.end) break;
    }
    return exactly(output, produced, size);
  }

  /** Inflates what is too large to be held, piece by piece. */
  async #pass(size: number, take: (piece: Uint8Array) => void): Promise<void> {
    const input = this.#input;
    const piece = this.#piece;
    let produced = 0;
    this.#inflater.begin();
    for (;;) {
      if (input.start === input.end && !(await this.#advance())) throw new GitError('early EOF: the pack is truncated');
      this.#inflater.write(input.buffer, input.start, input.end, piece, 0, piece.length);
      input.start += this.#inflater.consumed;
      produced += this.#inflater.produced;
      if (produced > size) throw tooLong();
      take(piece.subarray(0, this.#inflater.produced));
      if (input.start < input.end && this.#inflater.produced < piece.length) break;
    }
    if (produced < size) throw tooShort();
  }

  /** Applies a delta whose base is at hand, and leaves any other for `resolve`. */
  #takeDelta(entry: number, delta: Uint8Array): void {
    const named = this.#kinds[entry] === REF_DELTA;
    const base = named ? this.#entryOf(this.#bases[entry] ?? 0) : (this.#bases[entry] ?? 0);
    const data = base === NONE ? undefined : this.#recent.get(base);
    if (data) this.#apply(entry, { type: this.#typeOfEntry(base), data }, delta, this.#depths[base] ?? 0);
    else this.#unresolved++;
  }

  /** Makes an object from its base, and returns it: small ones are valid until the next one is made. */
  #apply(entry: number, base: GitObject, delta: Uint8Array, depth: number): GitObject {
    this.#checkDepth(depth + 1);
    const { heldBytes } = this.#limits;
    const object = { type: base.type, data: applyDelta(base.data, delta, heldBytes, this.#result) };
    this.#charge(object.data.length);
    this.#record(entry, object, depth + 1);
    return object;
  }

  /** As `#apply`, without making the object: for blobs on which nothing stands. */
  #applyPassing(entry: number, base: GitObject, delta: Uint8Array, depth: number): void {
    this.#checkDepth(depth + 1);
    const { result } = readDeltaSizes(delta);
    this.#charge(result);
    const hash = objectHash(base.type, result);
    followDelta(base.data, delta, this.#limits.heldBytes, (from, at, length) =>
      hash.update(from.subarray(at, at + length)),
    );
    this.#name(entry, hash.digest(), base.type, depth + 1);
  }

  #checkDepth(depth: number): void {
    if (depth <= this.#limits.deltaDepth) return;
    throw new GitError(`a delta chain is deeper than the ${this.#limits.deltaDepth} allowed`);
  }

  #record(entry: number, { type, data }: GitObject, depth: number): void {
    const id = this.#name(entry, hashObject(type, data), type, depth);
    this.references.add(id, type, data);
    this.#recent.set(entry, data);
  }

  #name(entry: number, oid: Uint8Array, type: ObjectType, depth: number): number {
    const id = this.oids.add(oid);
    if (this.#entryOf(id) !== NONE) throw new GitError(`the pack holds object ${oidAt(oid)} twice`);
    if (id >= this.#entries.length) {
      const grown = new Int32Array(Math.max(id + 1, this.#entries.length * 2)).fill(NONE);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    this.#entries[id] = entry;
    this.#ids[entry] = id;
    this.#depths[entry] = depth;
    this.references.add(id, type);
    return id;
  }

  #entryOf(id: number): number {
    return this.#entries[id] ?? NONE;
  }

  /** The type of a resolved entry. */
  #typeOfEntry(entry: number): ObjectType {
    return this.references.type(this.#ids[entry] ?? NONE) || ObjectType.blob;
  }

  #waiting(): Waiting {
    const { kinds, ids, bases } = { kinds: this.#kinds, ids: this.#ids, bases: this.#bases };
    function* of(kind: number): Generator<[number, number]> {
      for (let entry = 0; entry < ids.length; entry++) {
        if (ids[entry] === NONE && kinds[entry] === kind) yield [bases[entry] ?? 0, entry];
      }
    }
    return { byEntry: new WaitingDeltas(of(OFS_DELTA)), byName: new WaitingDeltas(of(REF_DELTA)) };
  }

  /** Resolves all that stands on an entry which is resolved itself. */
  async #resolveBelow(root: number, waiting: Waiting, pack: PackFile): Promise<void> {
    const deltas = this.#waitingOn(root, waiting);
    if (deltas.length === 0) return;
    await this.#resolveDeltas(deltas, await this.#content(root, pack), this.#depths[root] ?? 0, waiting, pack);
  }

  /**
   * Resolves the deltas on an object, and all that stands on them, depth first and beginning with the one made last:
   * so that in a chain each object is made once, from the one before.
   * @param depth how many deltas the object stands on itself
   */
  async #resolveDeltas(
    first: number[],
    object: GitObject,
    depth: number,
    waiting: Waiting,
    pack: PackFile,
  ): Promise<void> {
    const pending: number[] = [];
    let [deltas, base, below] = [first, object, depth];
    for (;;) {
      let last: { entry: number; object: GitObject } | undefined;
      for (const entry of deltas) {
        const delta = await pack.inflate(this.#dataAt(entry), this.#sizes[entry] ?? 0);
        await this.#turns.take(delta.length);
        this.#unresolved--;
        const passing = base.type === ObjectType.blob && readDeltaSizes(delta).result > STREAM_ABOVE;
        if (passing && waiting.byEntry.on(entry).length === 0) this.#applyPassing(entry, base, delta, below);
        else last = { entry, object: this.#apply(entry, base, delta, below) };
        if (this.#waitingOn(entry, waiting).length === 0) continue;
        pending.push(entry);
        if (last?.entry === entry && last.object.data.length < SMALL) {
          last.object = { type: base.type, data: last.object.data.slice() };
        }
      }
      const entry = pending.pop();
      if (entry === undefined) return;
      base = last?.entry === entry ? last.object : await this.#content(entry, pack);
      below = this.#depths[entry] ?? 0;
      deltas = this.#waitingOn(entry, waiting);
    }
  }

  #waitingOn(entry: number, { byEntry, byName }: Waiting): number[] {
    return [...byEntry.on(entry), ...byName.on(this.#ids[entry] ?? NONE)].filter((delta) => this.#ids[delta] === NONE);
  }

  #dataAt(entry: number): number {
    return (this.#offsets[entry] ?? 0) + (this.#headerBytes[entry] ?? 0);
  }

  /** The content of a resolved entry: of those met lately, or made anew. */
  async #content(entry: number, pack: PackFile): Promise<GitObject> {
    const type = this.#typeOfEntry(entry);
    const deltas: number[] = [];
    let data: Uint8Array | undefined;
    for (let at = entry; !data; ) {
      data = this.#recent.get(at)?.slice();
      if (data) break;
      const kind = this.#kinds[at] ?? 0;
      if (kind !== OFS_DELTA && kind !== REF_DELTA) {
        const size = this.#sizes[at] ?? 0;
        if (size > this.#limits.heldBytes) {
          throw new GitError(`a delta stands on an object of ${size} bytes; at most ${this.#limits.heldBytes} may`);
        }
        data = await pack.inflate(this.#dataAt(at), size);
        this.#recent.set(at, data);
        break;
      }
      deltas.push(at);
      const base = this.#bases[at] ?? 0;
      if (kind === OFS_DELTA) at = base;
      else if (this.#outside?.id === base) data = this.#outside.object.data;
      else at = this.#entryOf(base);
    }
    for (let at = deltas.pop(); at !== undefined; at = deltas.pop()) {
      const delta = await pack.inflate(this.#dataAt(at), this.#sizes[at] ?? 0);
      data = applyDelta(data, delta, this.#limits.heldBytes);
      this.#recent.set(at, data);
      this.#chargeRemade(data.length);
      await this.#turns.take(data.length);
    }
    return { type, data };
  }

  #chargeRemade(bytes: number): void {
    this.#remade += bytes;
    if (this.#remade > REMADE_RATIO * this.#inflatable()) {
      throw new GitError('the deltas of the pack branch too often on objects that are too large');
    }
  }
}

/** The deltas that are not resolved: by the entry of their base, and by the number of its name. */
interface Waiting {
  byEntry: WaitingDeltas;
  byName: WaitingDeltas;
}

function exactly(output: Uint8Array, produced: number, size: number): Uint8Array {
  if (produced > size) throw tooLong();
  if (produced < size) throw tooShort();
  return output.subarray(0, size);
}

const tooLong = () => new GitError('an object in the pack is larger than it says');
const tooShort = () => new GitError('an object in the pack is smaller than it says');
