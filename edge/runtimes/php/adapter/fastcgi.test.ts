import { expect, it } from 'vitest';
import { concat, encodeRequest, ResponseDecoder } from './fastcgi.ts';

const decoder = new TextDecoder();

it('makes records of a request', () => {
  const bytes = encodeRequest({ A: 'b', LONG: 'x'.repeat(200) }, new TextEncoder().encode('body'));
  expect([...bytes.subarray(0, 16)]).toEqual([1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  // Lengths below 128 take a byte, others four.
  expect([...bytes.subarray(16, 28)]).toEqual([1, 4, 0, 1, 0, 4 + 9 + 200, 0, 0, 1, 1, 65, 98]);
  expect([...bytes.subarray(28, 37)]).toEqual([4, 0x80, 0, 0, 200, 76, 79, 78, 71]);
  const end = bytes.subarray(16 + 8 + 213);
  expect([...end.subarray(0, 8)]).toEqual([1, 4, 0, 1, 0, 0, 0, 0]);
  expect([...end.subarray(8, 16)]).toEqual([1, 5, 0, 1, 0, 4, 0, 0]);
  expect(decoder.decode(end.subarray(16, 20))).toBe('body');
  expect([...end.subarray(20)]).toEqual([1, 5, 0, 1, 0, 0, 0, 0]);
});

it('parts what a record cannot hold', () => {
  const bytes = encodeRequest({}, new Uint8Array(70_000));
  const lengths: number[] = [];
  for (let at = 0; at < bytes.length; at += 8 + (lengths.at(-1) ?? 0)) {
    lengths.push(((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0));
  }
  expect(lengths).toEqual([8, 0, 65_528, 70_000 - 65_528, 0]);
});

it('takes a response apart, however its bytes are cut', () => {
  const record = (type: number, text: string, padding = 0) =>
    concat([
      Uint8Array.of(1, type, 0, 1, 0, text.length, padding, 0),
      new TextEncoder().encode(text),
      new Uint8Array(padding),
    ]);
  const bytes = concat([
    record(6, 'one ', 3),
    record(7, 'wrong'),
    record(6, 'two'),
    record(6, ''),
    record(3, 'ended!!!'),
  ]);
  for (const size of [1, 7, 20, bytes.length]) {
    let output = '';
    let errors = '';
    const response = new ResponseDecoder(
      (part) => {
        output += decoder.decode(part);
      },
      (part) => {
        errors += decoder.decode(part);
      },
    );
    for (let at = 0; at < bytes.length; at += size) response.write(bytes.slice(at, at + size));
    expect({ output, errors }).toEqual({ output: 'one two', errors: 'wrong' });
  }
});
