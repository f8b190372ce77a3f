import { PackFile } from './pack-file.ts';

/** R2 takes parts of at least 5 MiB, all of one size but the last. */
const PART = 5 * 1024 * 1024;
/** Parts on their way to R2 while the next fills. */
const IN_FLIGHT = 2;

/** Writes a pack to R2 as it arrives, holding three parts of it at most. One that fits in a part is put whole. */
export class PackSpool {
  size = 0;
  readonly key: string;
  readonly #bucket: R2Bucket;
  readonly #onUpload: (uploadId: string) => Promise<void>;
  #part = new Uint8Array(64 * 1024);
  #filled = 0;
  #upload: R2MultipartUpload | undefined;
  #sent: Promise<R2UploadedPart>[] = [];
  /** Buffers of parts that have arrived. */
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /** @param onUpload told of a multipart upload before its first part, so that it can be given up after a crash */
  constructor(bucket: R2Bucket, key: string, onUpload: (uploadId: string) => Promise<void>) {
    this.#bucket = bucket;
    this.key = key;
    this.#onUpload = onUpload;
  }

  /** Takes bytes, which may be reused afterwards. */
  async write(bytes: Uint8Array): Promise<void> {
    this.size += bytes.length;
    for (let from = 0; from < bytes.length; ) {
      if (this.#filled === PART) await this.#send();
      const to = Math.min(bytes.length, from + PART - this.#filled);
      this.#reserve(this.#filled + to - from);
      this.#part.set(bytes.subarray(from, to), this.#filled);
      this.#filled += to - from;
      from = to;
    }
  }

  /** Stores what is left; from then on the pack can be read. */
  async finish(): Promise<void> {
    if (this.#upload) {
      await this.#send();
      await this.#upload.complete(await Promise.all(this.#sent));
    } else {
      const pack = this.#part.slice(0, this.#filled);
      await this.#bucket.put(this.key, pack);
      PackFile.remember(this.key, pack);
    }
    this.#part = new Uint8Array(0);
  }

  /** The pack to be read, once it is finished. */
  file(): PackFile {
    return new PackFile(this.#bucket, this.key, this.size);
  }

  /** Removes what is stored so far. */
  async abort(): Promise<void> {
    await Promise.allSettled(this.#sent);
    await this.#upload?.abort().catch(() => undefined);
    await this.#bucket.delete(this.key);
  }

  #reserve(length: number): void {
    if (length <= this.#part.length) return;
    const grown = new Uint8Array(Math.min(PART, Math.max(length, this.#part.length * 2)));
    grown.set(this.#part.subarray(0, this.#filled));
    this.#part = grown;
  }

  async #send(): Promise<void> {
    if (!this.#upload) {
      this.#upload = await this.#bucket.createMultipartUpload(this.key);
      await this.#onUpload(this.#upload.uploadId);
    }
    await this.#sent.at(-IN_FLIGHT);
    const buffer = this.#part;
    const part = this.#upload.uploadPart(this.#sent.length + 1, buffer.subarray(0, this.#filled));
    // A failure is met where the part is awaited; until then it is not an unhandled one.
    part.then(
      () => this.#free.push(buffer),
      () => undefined,
    );
    this.#sent.push(part);
    this.#part = this.#free.pop() ?? new Uint8Array(PART);
    this.#filled = 0;
  }
}
