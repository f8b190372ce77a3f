import { expect, it } from 'vitest';
import { jsonLines } from './json-lines.ts';

const read = async (...chunks: string[]) => {
  const stream = new Blob(chunks).stream();
  return Array.fromAsync(jsonLines(stream));
};

it('reads a value a line, across chunks, passing over empty lines', async () => {
  expect(await read('{"a":', '1}\n\n{"b":"ü', '"}\n', '3')).toEqual([{ a: 1 }, { b: 'ü' }, 3]);
  expect(await read('')).toEqual([]);
});

it('refuses what is not JSON, and a line without end', async () => {
  await expect(read('{"a":1}\nnope\n')).rejects.toThrow(SyntaxError);
  await expect(read('x'.repeat(1024 * 1024 + 1))).rejects.toThrow(RangeError);
});
