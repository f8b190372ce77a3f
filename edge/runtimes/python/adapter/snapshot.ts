/**
 * The memory of an engine that has started, as a file: most of it is zero, so that only the rest is kept.
 *
 * The file has the length of the memory as a 32-bit number, then pages that are not zero: the number of a page, and its
 * bytes. All numbers are little-endian.
 */
const PAGE = 4096;
const NUMBER = 4;

/** Leaves out pages of zeros. */
export function packSnapshot(memory: Uint8Array): Uint8Array<ArrayBuffer> {
  const pages: number[] = [];
  const words = new Uint32Array(memory.buffer, memory.byteOffset, Math.floor(memory.byteLength / NUMBER));
  const perPage = PAGE / NUMBER;
  for (let page = 0; page * PAGE < memory.length; page++) {
    if (words.subarray(page * perPage, (page + 1) * perPage).some((word) => word !== 0)) pages.push(page);
  }
  const packed = new Uint8Array(NUMBER + pages.length * (NUMBER + PAGE));
  const view = new DataView(packed.buffer);
  view.setUint32(0, memory.length, true);
  for (const [index, page] of pages.entries()) {
    const at = NUMBER + index * (NUMBER + PAGE);
    view.setUint32(at, page, true);
    packed.set(memory.subarray(page * PAGE, (page + 1) * PAGE), at + NUMBER);
  }
  return packed;
}

/** The memory again. */
export function unpackSnapshot(packed: ArrayBuffer): Uint8Array {
  const view = new DataView(packed);
  const memory = new Uint8Array(view.getUint32(0, true));
  for (let at = NUMBER; at < packed.byteLength; at += NUMBER + PAGE) {
    const start = view.getUint32(at, true) * PAGE;
    memory.set(new Uint8Array(packed, at + NUMBER, Math.min(PAGE, memory.length - start)), start);
  }
  return memory;
}
