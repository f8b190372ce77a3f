import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { GitError } from '../errors.ts';
import { type Oid, oidAt } from '../objects/oid.ts';
import { packKey } from '../store/keys.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ObjectList } from '../walk/object-list.ts';
import {
  OFS_DELTA,
  PACK_HEADER_BYTES,
  PACK_TRAILER_BYTES,
  REF_DELTA,
  writeEntryHeader,
  writeOffset,
  writePackHeader,
} from './entry.ts';

/** What is asked of the store at once. A body that is read slowly is held whole by some stores (Miniflare's). */
const RANGE = 1024 * 1024;

/** What goes to the sink at once: as much as fits a packet of side-band-64k. */
const BATCH = 65515;

/** Takes the bytes of a pack, which may be reused afterwards. */
export type PackSink = (bytes: Uint8Array) => Promise<void>;

/** Writes a pack of the objects in `list`, with the compressed entries and the deltas as they are stored. */
export class PackWriter {
  readonly #store: ObjectStore;
  readonly #sink: PackSink;
  readonly #hash = createHash('sha1');
  readonly #batch = new Uint8Array(BATCH);
  #filled = 0;
  #position = 0;

  constructor(store: ObjectStore, sink: PackSink) {
    this.#store = store;
    this.#sink = sink;
  }

  /**
   * @param ofsDelta whether the receiver takes deltas that say how far before them their base is
   * @param thin whether it takes deltas on objects that it has already
   */
  async write(list: ObjectList, { ofsDelta, thin }: { ofsDelta: boolean; thin: boolean }): Promise<void> {
    const indexes = await this.#store.load();
    await this.#emit(writePackHeader(list.oids.size));
    // Where objects begin in what is written, by their numbers in the list; 0 while they are not.
    const written = new Float64Array(list.oids.size);
    for (const [pack, index] of indexes.entries()) {
      for (const id of list.inPack(pack)) {
        const offset = list.offset(id);
        const end = index.end(offset) ?? (this.#store.packs[pack]?.size ?? 0) - PACK_TRAILER_BYTES;
        const { type, size, length, distance, base } = await this.#store.file(pack).header(offset);
        const at = this.#position;
        written[id] = at;
        if (type !== OFS_DELTA && type !== REF_DELTA) {
          await this.#copy(pack, offset, end);
          continue;
        }
        const name = base ?? index.oidAtOffset(offset - distance);
        const baseId = name ? list.oids.find(name) : -1;
        const baseAt = written[baseId] ?? 0;
        if (ofsDelta && baseAt > 0) {
          await this.#emit(writeEntryHeader(OFS_DELTA, size));
          await this.#emit(writeOffset(at - baseAt));
          await this.#copy(pack, offset + length, end);
        } else if (name && (baseId >= 0 || (thin && list.withClient.find(name) >= 0))) {
          await this.#emit(writeEntryHeader(REF_DELTA, size));
          await this.#emit(name);
          await this.#copy(pack, offset + length, end);
        } else {
          await this.#writeWhole(oidAt(list.oids.oid(id)));
        }
      }
    }
    await this.#end();
  }

  /** Writes all packs of a repository as one; only right when no object is in two of them. */
  async concatenate(bucket: R2Bucket, appId: string): Promise<void> {
    const { packs } = this.#store;
    await this.#emit(writePackHeader(packs.reduce((sum, { objects }) => sum + objects, 0)));
    for (const { name, size } of packs) {
      const end = size - PACK_TRAILER_BYTES;
      for (let offset = PACK_HEADER_BYTES; offset < end; offset += RANGE) {
        const range = { offset, length: Math.min(RANGE, end - offset) };
        const object = await bucket.get(packKey(appId, name), { range });
        if (!object) throw new Error(`pack ${name} is not in the bucket`);
        await this.#emit(new Uint8Array(await object.arrayBuffer()));
      }
    }
    await this.#end();
  }

  /** Collects what is written: most entries are small, and each call of the hash and of the sink costs. */
  async #emit(bytes: Uint8Array): Promise<void> {
    this.#position += bytes.length;
    for (let from = 0; from < bytes.length; ) {
      const piece = bytes.subarray(from, from + BATCH - this.#filled);
      this.#batch.set(piece, this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled === BATCH) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const bytes = this.#batch.subarray(0, this.#filled);
    this.#filled = 0;
    this.#hash.update(bytes);
    await this.#sink(bytes);
  }

  async #end(): Promise<void> {
    await this.#flush();
    await this.#sink(this.#hash.digest());
  }

  async #copy(pack: number, from: number, to: number): Promise<void> {
    for (let position = from; position < to; ) {
      const { bytes, at } = await this.#store.file(pack).window(position);
      const piece = bytes.subarray(at, at + to - position);
      await this.#emit(piece);
      position += piece.length;
    }
  }

  /** Writes an object whose delta the receiver could not use. */
  async #writeWhole(oid: Oid): Promise<void> {
    const object = await this.#store.get(oid);
    if (!object) throw new GitError(`missing object ${oid}`);
    await this.#emit(writeEntryHeader(object.type, object.data.length));
    await this.#emit(deflateSync(object.data));
  }
}
