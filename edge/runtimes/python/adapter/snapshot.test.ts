import { expect, it } from 'vitest';
import { packSnapshot, readSnapshot, restore, type Snapshot } from './snapshot.ts';

const about = { library: 'a', libraries: [], environment: { DEBUG: null }, changes: {} };
const PAGES = 100;

/** What Pyodide gives: a head of 16 bytes, and the memory. */
function memoryOf(bytes: Record<number, number>): Uint8Array {
  const memory = new Uint8Array(16 + PAGES * 4096);
  new DataView(memory.buffer).setUint32(4, 16, true);
  for (const [at, value] of Object.entries(bytes)) memory[16 + Number(at)] = value;
  return memory;
}
const snapshot = (packed: Uint8Array<ArrayBuffer>): Snapshot => readSnapshot(packed.buffer) as Snapshot;

it('keeps what is not zero, and gives all back', () => {
  const memory = memoryOf({ 5: 1, [4096 * 7 + 4095]: 2, [4096 * PAGES - 1]: 3 });
  const read = snapshot(packSnapshot(memory, about));
  expect(read).toMatchObject({ length: PAGES * 4096, about, head: memory.slice(0, 16) });
  expect([...read.pages]).toEqual([0, 7, 99]);
  const restored = new Uint8Array(PAGES * 4096).fill(9, 4096, 4096 * 3);
  restore(restored, [read]);
  expect(restored).toEqual(memory.subarray(16));
});

it('keeps what has changed since the snapshot that an engine was started from', () => {
  const first = snapshot(packSnapshot(memoryOf({ 5: 1, 4096: 2, 8192: 3 }), about));
  const memory = memoryOf({ 5: 1, 4096: 4, 12288: 5 });
  const second = snapshot(packSnapshot(memory, about, first));
  expect([...second.pages]).toEqual([1, 2, 3]);
  const restored = new Uint8Array(PAGES * 4096);
  restore(restored, [first, second]);
  expect(restored).toEqual(memory.subarray(16));
});

it('takes nothing else for a snapshot', () => {
  expect(readSnapshot(new ArrayBuffer(4))).toBeUndefined();
  expect(readSnapshot(new ArrayBuffer(5000))).toBeUndefined();
});
