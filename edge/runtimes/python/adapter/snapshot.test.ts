import { expect, it } from 'vitest';
import { packSnapshot, unpackSnapshot } from './snapshot.ts';

it('keeps what is not zero, and gives all back', () => {
  const memory = new Uint8Array(100 * 4096 + 16);
  memory[5] = 1;
  memory[4096 * 7 + 4095] = 2;
  memory[memory.length - 1] = 3;
  const packed = packSnapshot(memory);
  expect(packed.length).toBe(4 + 3 * (4 + 4096));
  expect(unpackSnapshot(packed.buffer)).toEqual(memory);
});
