import { expect, it } from 'vitest';
import { packSnapshot, restoreSnapshot } from './snapshot.ts';

class Memory {
  buffer: ArrayBuffer;

  constructor(pages: number) {
    this.buffer = new ArrayBuffer(pages * 65_536);
    new Uint8Array(this.buffer).fill(7, 0, 20_000);
  }

  grow(pages: number): void {
    this.buffer = this.buffer.transfer(this.buffer.byteLength + pages * 65_536);
  }
}

it('keeps the pages that differ, also those that are zero by now', () => {
  const used = new Uint8Array(new Memory(2).buffer);
  used.fill(0, 4096, 8192);
  used[used.length - 1] = 9;
  const restored = new Memory(1);
  const packed = packSnapshot(used, new Uint8Array(new Memory(1).buffer));
  expect(packed.length).toBeLessThan(3 * 4200);
  restoreSnapshot(restored, packed.buffer);
  expect(new Uint8Array(restored.buffer)).toEqual(used);
});
