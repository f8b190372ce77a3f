import { GitError } from '../errors.ts';
import { ByteCache } from '../store/cache.ts';
import { type EntryHeader, emptyHeader, MAX_ENTRY_HEADER_BYTES, readEntryHeader } from './entry.ts';
import { Inflater } from './inflater.ts';

/** A pack is read in pieces of this size, each with the next one's beginning, so that no entry's header is cut. */
const CHUNK = 512 * 1024;

/** Pieces of packs, which never change. Shared by all requests of an isolate. */
const chunks = new ByteCache<string, Uint8Array>(32 * 1024 * 1024);

/** Random access to a pack in R2. */
export class PackFile {
  readonly key: string;
  readonly size: number;
  readonly #bucket: R2Bucket;
  readonly #inflater = new Inflater();
  /** The piece read last, without the way through the shared cache. */
  #chunk: { number: number; bytes: Uint8Array } | undefined;

  /** @param size in bytes, trailer included */
  constructor(bucket: R2Bucket, key: string, size: number) {
    this.#bucket = bucket;
    this.key = key;
    this.size = size;
  }

  /** Makes what was just written readable without a round trip. */
  static remember(key: string, pack: Uint8Array): void {
    for (let number = 0; number * CHUNK < pack.length; number++) {
      const bytes = pack.subarray(number * CHUNK, (number + 1) * CHUNK + MAX_ENTRY_HEADER_BYTES);
      chunks.set(`${key}:${number}`, bytes, bytes.length);
    }
  }

  /** The piece that holds `offset`: `bytes[at]` is the byte at `offset`, and more follows. */
  async window(offset: number): Promise<{ bytes: Uint8Array; at: number }> {
    const number = Math.floor(offset / CHUNK);
    const at = offset - number * CHUNK;
    if (this.#chunk?.number === number) return { bytes: this.#chunk.bytes, at };
    const key = `${this.key}:${number}`;
    let bytes = chunks.get(key);
    if (!bytes) {
      const length = Math.min(CHUNK + MAX_ENTRY_HEADER_BYTES, this.size - number * CHUNK);
      const object = await this.#bucket.get(this.key, { range: { offset: number * CHUNK, length } });
      if (!object) throw new Error(`${this.key} is not in the bucket`);
      bytes = new Uint8Array(await object.arrayBuffer());
      chunks.set(key, bytes, bytes.length);
    }
    this.#chunk = { number, bytes };
    return { bytes, at };
  }

  /** The header of the entry at `offset`; `base` is the name of a REF_DELTA's base, which stays valid. */
  async header(offset: number): Promise<EntryHeader & { base: Uint8Array | undefined }> {
    const { bytes, at } = await this.window(offset);
    const header = emptyHeader();
    readEntryHeader(bytes, at, bytes.length, header);
    return { ...header, base: header.type === 7 ? bytes.slice(header.baseAt, header.baseAt + 20) : undefined };
  }

  /** Inflates the zlib stream at `offset`, which makes `size` bytes. */
  async inflate(offset: number, size: number): Promise<Uint8Array> {
    const output = new Uint8Array(size + 1);
    const { bytes, at } = await this.window(offset);
    this.#inflater.begin();
    this.#inflater.write(bytes, at, bytes.length, output, 0, size + 1);
    if (this.#inflater.produced === size && this.#inflater.consumed < bytes.length - at)
      return output.subarray(0, size);
    let made = 0;
    for await (const piece of this.inflated(offset)) {
      if (made + piece.length > size) throw new GitError(`${this.key}: the entry at ${offset} is larger than it says`);
      output.set(piece, made);
      made += piece.length;
    }
    if (made !== size) throw new GitError(`${this.key}: the entry at ${offset} is smaller than it says`);
    return output.subarray(0, size);
  }

  /** Inflates the zlib stream at `offset` piece by piece; a piece is valid until the next is asked for. */
  async *inflated(offset: number): AsyncGenerator<Uint8Array> {
    const inflater = new Inflater();
    inflater.begin();
    const output = new Uint8Array(64 * 1024);
    let position = offset;
    for (;;) {
      if (position >= this.size) throw new GitError(`${this.key}: the entry at ${offset} has no end`);
      const { bytes, at } = await this.window(position);
      let from = at;
      do {
        inflater.write(bytes, from, bytes.length, output, 0, output.length);
        from += inflater.consumed;
        if (inflater.produced > 0) yield output.subarray(0, inflater.produced);
        if (inflater.produced < output.length && from < bytes.length) return;
      } while (from < bytes.length || inflater.produced === output.length);
      position += from - at;
    }
  }
}
