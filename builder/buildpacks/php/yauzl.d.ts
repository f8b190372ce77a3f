/** What is used of yauzl, which brings no types. */
declare module 'yauzl' {
  export interface Entry {
    fileName: string;
    /** Bytes. */
    uncompressedSize: number;
    externalFileAttributes: number;
  }

  export interface ZipFile {
    eachEntry(): AsyncIterable<Entry>;
    openReadStreamPromise(entry: Entry): Promise<import('node:stream').Readable>;
  }

  export function fromBufferPromise(bytes: Buffer, options: { validateEntrySizes: boolean }): Promise<ZipFile>;
}
