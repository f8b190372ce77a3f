/**
 * The memory of an engine that has started, as a file: the pages in which it differs from that of an engine that has not.
 *
 * The file has the length of the memory, then for each page its number and its bytes. All numbers have 32 bits and are
 * little-endian.
 */
const PAGE = 4096;
const NUMBER = 4;

/** WebAssembly.Memory, as far as it is used here. */
export interface EngineMemory {
  readonly buffer: ArrayBuffer;
  /** @param pages of 64 KiB each */
  grow(pages: number): unknown;
}

/** @param fresh the memory as the module itself fills it */
export function packSnapshot(memory: Uint8Array, fresh: Uint8Array): Uint8Array<ArrayBuffer> {
  const words = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / NUMBER);
  const [now, before] = [words(memory), words(fresh)];
  const perPage = PAGE / NUMBER;
  const pages: number[] = [];
  for (let page = 0; page * perPage < now.length; page++) {
    const start = page * perPage;
    const isChanged = now.subarray(start, start + perPage).some((word, index) => word !== (before[start + index] ?? 0));
    if (isChanged) pages.push(page);
  }
  const packed = new Uint8Array(NUMBER + pages.length * (NUMBER + PAGE));
  const view = new DataView(packed.buffer);
  view.setUint32(0, memory.length, true);
  let at = NUMBER;
  for (const page of pages) {
    view.setUint32(at, page, true);
    packed.set(memory.subarray(page * PAGE, (page + 1) * PAGE), at + NUMBER);
    at += NUMBER + PAGE;
  }
  return packed;
}

/** Makes of the memory of a fresh instance the one that was packed. What is zero in both is not touched. */
export function restoreSnapshot(memory: EngineMemory, packed: ArrayBuffer): void {
  const view = new DataView(packed);
  const wasmPage = 65_536;
  memory.grow((view.getUint32(0, true) - memory.buffer.byteLength) / wasmPage);
  const bytes = new Uint8Array(memory.buffer);
  for (let at = NUMBER; at < packed.byteLength; at += NUMBER + PAGE) {
    bytes.set(new Uint8Array(packed, at + NUMBER, PAGE), view.getUint32(at, true) * PAGE);
  }
}
