/**
 * The memory of an engine that has started, as a file. A snapshot may be of an engine that was itself started from one, its
 * base: then it has only what has changed since.
 *
 * All numbers are 32-bit and little-endian. First `MAGIC`, the length of the memory, the length of Pyodide's own part, the
 * length of what the builder says of it (JSON, `About`), and how many pages follow; then Pyodide's part, the JSON, padding
 * to a multiple of 4, the numbers of the pages in their order, and the pages.
 */
const MAGIC = 0x31736e69;
const PAGE = 4096;
const NUMBER = 4;
const HEAD = 5 * NUMBER;

/** A library that is loaded in the memory: where it is there, and in the engine's table of functions. */
export interface Library {
  path: string;
  handle: number;
  global: boolean;
  keeps: boolean;
  memoryBase: number;
  tableBase: number;
  /** How long the table is once it is loaded. */
  tableEnd: number;
}

/** What has to be known of a memory to start from it. */
export interface About {
  /** Which texts of the runtime's own Python are in it. */
  library: string;
  /** In the order in which they were loaded. */
  libraries: Library[];
  /** The variables of the environment that were read while it was made, and what they were. */
  environment: Record<string, string | null>;
  /** Those that were set. */
  changes: Record<string, string>;
}

export interface Snapshot {
  /** Bytes of the memory. */
  length: number;
  /** What Pyodide says of it. */
  head: Uint8Array<ArrayBuffer>;
  about: About;
  /** Numbers of the pages that it has, ascending. */
  pages: Uint32Array;
  /** Those pages, one after the other. */
  bytes: Uint8Array;
}

/**
 * @param memory what Pyodide's `makeMemorySnapshot` gives: a head that says at its second number how long it is, and the
 *   memory
 * @param base the snapshot that the engine was started from
 */
export function packSnapshot(memory: Uint8Array, about: About, base?: Snapshot): Uint8Array<ArrayBuffer> {
  const start = new DataView(memory.buffer, memory.byteOffset).getUint32(NUMBER, true);
  const heap = memory.subarray(start);
  const before = new Uint8Array(heap.length);
  if (base) restore(before, [base]);
  const [words, known] = [heap, before].map(
    ({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length / NUMBER),
  ) as [Uint32Array, Uint32Array];
  const pages: number[] = [];
  for (let page = 0; page * PAGE < heap.length; page++) {
    const end = Math.min(((page + 1) * PAGE) / NUMBER, words.length);
    for (let at = (page * PAGE) / NUMBER; at < end; at++) {
      if (words[at] === known[at]) continue;
      pages.push(page);
      break;
    }
  }
  const text = new TextEncoder().encode(JSON.stringify(about));
  const numbersAt = aligned(HEAD + start + text.length);
  const pagesAt = numbersAt + pages.length * NUMBER;
  const packed = new Uint8Array(pagesAt + pages.length * PAGE);
  packed.set(new Uint8Array(Uint32Array.of(MAGIC, heap.length, start, text.length, pages.length).buffer));
  packed.set(memory.subarray(0, start), HEAD);
  packed.set(text, HEAD + start);
  packed.set(new Uint8Array(Uint32Array.from(pages).buffer), numbersAt);
  for (const [index, page] of pages.entries()) {
    packed.set(heap.subarray(page * PAGE, (page + 1) * PAGE), pagesAt + index * PAGE);
  }
  return packed;
}

/** @returns undefined when it is no snapshot, or one as older builders made them */
export function readSnapshot(packed: ArrayBuffer): Snapshot | undefined {
  if (packed.byteLength < HEAD) return undefined;
  const [magic, length = 0, head = 0, text = 0, count = 0] = new Uint32Array(packed, 0, HEAD / NUMBER);
  if (magic !== MAGIC) return undefined;
  const numbersAt = aligned(HEAD + head + text);
  return {
    length,
    head: new Uint8Array(packed.slice(HEAD, HEAD + head)),
    about: JSON.parse(new TextDecoder().decode(new Uint8Array(packed, HEAD + head, text))),
    pages: new Uint32Array(packed, numbersAt, count),
    bytes: new Uint8Array(packed, numbersAt + count * NUMBER),
  };
}

/**
 * Makes of a memory the one of a snapshot.
 *
 * @param memory as long as it says
 * @param snapshots each is of an engine that was started from the one before
 */
export function restore(memory: Uint8Array, snapshots: readonly Snapshot[]): void {
  const written = new Uint8Array(Math.ceil(memory.length / PAGE));
  for (const { pages, bytes } of snapshots.toReversed()) {
    for (const [index, page] of pages.entries()) {
      if (written[page]) continue;
      written[page] = 1;
      const size = Math.min(PAGE, memory.length - page * PAGE);
      memory.set(bytes.subarray(index * PAGE, index * PAGE + size), page * PAGE);
    }
  }
  // What the engine had there before. A page that nobody has written to is not written to either: it takes no memory.
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / NUMBER);
  for (const [page, isWritten] of written.entries()) {
    if (isWritten) continue;
    const end = Math.min(((page + 1) * PAGE) / NUMBER, words.length);
    for (let at = (page * PAGE) / NUMBER; at < end; at++) {
      if (words[at] === 0) continue;
      words.fill(0, at, end);
      break;
    }
  }
}

const aligned = (length: number): number => Math.ceil(length / NUMBER) * NUMBER;
