import { GitError } from '../errors.ts';
import { defaultLimits } from '../limits.ts';
import { type Commit, parseCommit } from '../objects/commit.ts';
import { type GitObject, ObjectType, typeName } from '../objects/object.ts';
import { type Oid, oidAt, oidBytes } from '../objects/oid.ts';
import { applyDelta, readDeltaSizes } from '../pack/delta.ts';
import { OFS_DELTA, REF_DELTA } from '../pack/entry.ts';
import { PackFile } from '../pack/pack-file.ts';
import { PackIndex } from '../pack/pack-index.ts';
import { Turns } from '../turns.ts';
import { ByteCache } from './cache.ts';
import { indexKey, packKey } from './keys.ts';

/** A pack as the catalogue has it. */
export interface StoredPack {
  /** What its R2 keys are made of. */
  name: string;
  /** Bytes of the `.pack`. */
  size: number;
  objects: number;
}

/** Where an object is: in the pack of that number (in the order of the catalogue), its entry at that offset. */
export interface Location {
  pack: number;
  offset: number;
}

/** Indexes never change. Shared by all requests of an isolate. */
const indexes = new ByteCache<string, PackIndex>(48 * 1024 * 1024);

const OBJECT_CACHE_BYTES = 24 * 1024 * 1024;
/** Blobs above this size are read piece by piece where that will do. */
const STREAM_ABOVE = 1024 * 1024;
/** More than the largest object a push can bring as a delta. */
const MAX_HELD = defaultLimits.heldBytes;

/**
 * Reads the objects of some packs. An object that is in more than one is read from the oldest: a delta's base is in
 * its own pack or in an older one, so that no chain of deltas ever comes back to where it began.
 */
export class ObjectStore {
  readonly packs: readonly StoredPack[];
  readonly #bucket: R2Bucket;
  readonly #appId: string;
  readonly #files: PackFile[];
  readonly #cache = new ByteCache<number, GitObject>(OBJECT_CACHE_BYTES);
  readonly #turns = new Turns();
  #indexes: PackIndex[] | undefined;

  /** @param packs oldest first */
  constructor(bucket: R2Bucket, appId: string, packs: readonly StoredPack[]) {
    this.#bucket = bucket;
    this.#appId = appId;
    this.packs = packs;
    this.#files = packs.map(({ name, size }) => new PackFile(bucket, packKey(appId, name), size));
  }

  /** Makes an index that was just written readable without a round trip. */
  static remember(appId: string, pack: string, index: Uint8Array): void {
    indexes.set(indexKey(appId, pack), new PackIndex(index), index.length);
  }

  file(pack: number): PackFile {
    const file = this.#files[pack];
    if (!file) throw new Error(`there is no pack ${pack}`);
    return file;
  }

  /** The packs' indexes, in their order. Once they are loaded, `find` works. */
  async load(): Promise<PackIndex[]> {
    this.#indexes ??= await Promise.all(this.packs.map(({ name }) => this.#loadIndex(name)));
    return this.#indexes;
  }

  /** Where the object is whose binary name stands at `bytes[at]`; `load` comes first. */
  find(bytes: Uint8Array, at = 0): Location | undefined {
    const { length } = this.packs;
    for (let pack = 0; pack < length; pack++) {
      const offset = this.#indexes?.[pack]?.find(bytes, at) ?? -1;
      if (offset >= 0) return { pack, offset };
    }
    return undefined;
  }

  async has(oid: Oid): Promise<boolean> {
    await this.load();
    return this.find(oidBytes(oid)) !== undefined;
  }

  /** The object of that name, which the caller must not change, or undefined. */
  async get(oid: Oid): Promise<GitObject | undefined> {
    await this.load();
    const location = this.find(oidBytes(oid));
    return location && this.#read(location);
  }

  /** @throws GitError when there is no such object, or it is of another type */
  async read(oid: Oid, type: ObjectType): Promise<Uint8Array> {
    const object = await this.get(oid);
    if (!object) throw new GitError(`missing ${typeName(type)} ${oid}`);
    if (object.type !== type)
      throw new GitError(`object ${oid} is a ${typeName(object.type)}, not a ${typeName(type)}`);
    return object.data;
  }

  async commit(oid: Oid): Promise<Commit> {
    return parseCommit(await this.read(oid, ObjectType.commit));
  }

  /** Type and size in bytes of an object, without making it; undefined when there is no such object. */
  async stat(oid: Oid): Promise<{ type: ObjectType; size: number } | undefined> {
    await this.load();
    let location = this.find(oidBytes(oid));
    if (!location) return undefined;
    let size: number | undefined;
    for (;;) {
      const { type, size: own, location: base } = await this.#entry(location);
      if (!base) return { type: type as ObjectType, size: size ?? own };
      size ??= await this.#resultSize(location);
      location = base;
    }
  }

  /** The content of a blob; a large one that is not a delta comes piece by piece. */
  async *blob(oid: Oid): AsyncGenerator<Uint8Array> {
    await this.load();
    const location = this.find(oidBytes(oid));
    if (!location) throw new GitError(`missing blob ${oid}`);
    const { type, pieces } = await this.#content(location);
    if (type !== ObjectType.blob) throw new GitError(`object ${oid} is a ${typeName(type)}, not a blob`);
    for await (const piece of pieces) yield Array.isArray(pieces) ? piece : piece.slice();
  }

  /** A piece is valid until the next is asked for. */
  async #content(location: Location): Promise<{ type: ObjectType; pieces: AsyncIterable<Uint8Array> | Uint8Array[] }> {
    const { type, size, dataAt } = await this.#entry(location);
    if (type === ObjectType.blob && size > STREAM_ABOVE) {
      return { type, pieces: this.file(location.pack).inflated(dataAt) };
    }
    const object = await this.#read(location);
    return { type: object.type, pieces: [object.data] };
  }

  /** Whether a pack holds the same under a name as the older packs do, which have it too. */
  async isSame(name: Uint8Array, pack: number): Promise<boolean> {
    await this.load();
    const old = this.find(name);
    const offset = this.#indexes?.[pack]?.find(name) ?? -1;
    if (!old || offset < 0) throw new Error(`${oidAt(name)} is not in two packs`);
    const [a, b] = [await this.#content(old), await this.#content({ pack, offset })];
    return a.type === b.type && areEqual(a.pieces, b.pieces);
  }

  async #resultSize({ pack, offset }: Location): Promise<number> {
    const header = await this.file(pack).header(offset);
    for await (const piece of this.file(pack).inflated(offset + header.length)) return readDeltaSizes(piece).result;
    throw new GitError('delta is truncated');
  }

  /** The header of an entry; `location` is where a delta's base is. */
  async #entry({
    pack,
    offset,
  }: Location): Promise<{ type: number; size: number; dataAt: number; location?: Location }> {
    const { type, size, length, distance, base } = await this.file(pack).header(offset);
    const entry = { type, size, dataAt: offset + length };
    if (type === OFS_DELTA) return { ...entry, location: { pack, offset: offset - distance } };
    if (type !== REF_DELTA || !base) return entry;
    const own = this.#indexes?.[pack]?.find(base) ?? -1;
    const location = own >= 0 ? { pack, offset: own } : this.find(base);
    if (!location) throw new GitError(`missing delta base ${oidAt(base)}`);
    return { ...entry, location };
  }

  async #read(location: Location): Promise<GitObject> {
    const deltas: { key: number; pack: number; dataAt: number; size: number }[] = [];
    let object: GitObject | undefined;
    for (let at = location; !object; ) {
      const key = at.pack * 2 ** 32 + at.offset;
      object = this.#cache.get(key);
      if (object) break;
      const { type, size, dataAt, location: base } = await this.#entry(at);
      if (size > MAX_HELD) throw new GitError(`an object of ${size} bytes is too large to be held`);
      if (base) {
        deltas.push({ key, pack: at.pack, dataAt, size });
        at = base;
      } else {
        object = { type: type as ObjectType, data: await this.file(at.pack).inflate(dataAt, size) };
        this.#keep(key, object);
      }
    }
    for (let delta = deltas.pop(); delta; delta = deltas.pop()) {
      const bytes = await this.file(delta.pack).inflate(delta.dataAt, delta.size);
      object = { type: object.type, data: applyDelta(object.data, bytes, MAX_HELD) };
      this.#keep(delta.key, object);
    }
    const turn = this.#turns.take(object.data.length);
    if (turn) await turn;
    return object;
  }

  #keep(key: number, object: GitObject): void {
    this.#cache.set(key, object, object.data.length + 200);
  }

  async #loadIndex(name: string): Promise<PackIndex> {
    const key = indexKey(this.#appId, name);
    const known = indexes.get(key);
    if (known) return known;
    const object = await this.#bucket.get(key);
    if (!object) throw new Error(`${key} is not in the bucket`);
    const bytes = new Uint8Array(await object.arrayBuffer());
    const index = new PackIndex(bytes);
    indexes.set(key, index, bytes.length);
    return index;
  }
}

/** Whether two contents are the same, however they are cut into pieces. */
async function areEqual(
  a: AsyncIterable<Uint8Array> | Uint8Array[],
  b: AsyncIterable<Uint8Array> | Uint8Array[],
): Promise<boolean> {
  const others = piecesOf(b);
  let other: Uint8Array = new Uint8Array(0);
  for await (const piece of a) {
    for (let at = 0; at < piece.length; ) {
      if (other.length === 0) {
        const next = await others.next();
        if (next.done) return false;
        other = next.value;
      }
      const length = Math.min(piece.length - at, other.length);
      if (Buffer.compare(piece.subarray(at, at + length), other.subarray(0, length)) !== 0) return false;
      at += length;
      other = other.subarray(length);
    }
  }
  for (;;) {
    if (other.length > 0) return false;
    const next = await others.next();
    if (next.done) return true;
    other = next.value;
  }
}

async function* piecesOf(pieces: AsyncIterable<Uint8Array> | Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
