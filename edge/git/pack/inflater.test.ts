import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GitError } from '../errors.ts';
import { fuzzRuns, fuzzTimeout } from '../testing/fuzz.ts';
import { Inflater } from './inflater.ts';

/** Inflates a stream that stands at the beginning of `input`, in pieces; also says how many bytes it took. */
function inflate(inflater: Inflater, input: Uint8Array, inputPiece: number, outputPiece: number) {
  const pieces: Uint8Array[] = [];
  const output = new Uint8Array(outputPiece);
  let from = 0;
  inflater.begin();
  for (;;) {
    const to = Math.min(from + inputPiece, input.length);
    inflater.write(input, from, to, output, 0, output.length);
    from += inflater.consumed;
    pieces.push(output.slice(0, inflater.produced));
    if (inflater.produced < output.length && (from < to || from === input.length)) break;
  }
  return { data: Buffer.concat(pieces), consumed: from };
}

it('inflates one stream after the other, and stops where each ends, in pieces of any size', () => {
  const inflater = new Inflater();
  const content = fc.uint8Array({ maxLength: 2000 });
  const piece = fc.integer({ min: 1, max: 3000 });
  const level = fc.constantFrom(0, 1, 9);
  fc.assert(
    fc.property(content, content, level, piece, piece, (one, two, strength, inputPiece, outputPiece) => {
      const first = deflateSync(one, { level: strength });
      const input = Buffer.concat([first, deflateSync(two, { level: strength })]);
      const a = inflate(inflater, input, inputPiece, outputPiece);
      expect(a.consumed).toBe(first.length);
      expect(a.data.equals(one)).toBe(true);
      const b = inflate(inflater, input.subarray(a.consumed), inputPiece, outputPiece);
      expect(b.consumed).toBe(input.length - first.length);
      expect(b.data.equals(two)).toBe(true);
    }),
    { numRuns: fuzzRuns },
  );
});

it(
  'inflates arbitrary bytes as node:zlib does, or throws, and goes on with the next stream',
  () => {
    const inflater = new Inflater();
    const sound = deflateSync(Buffer.from('sound'));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, header) => {
        const input = header ? Buffer.concat([Uint8Array.of(0x78, 0x9c), bytes]) : bytes;
        let expected: Buffer | undefined;
        try {
          expected = inflateSync(input);
        } catch {}
        try {
          const { data } = inflate(inflater, input, 100, 5000);
          if (expected) expect(data.equals(expected)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(GitError);
          expect(expected).toBeUndefined();
        }
        expect(inflate(inflater, sound, 100, 100)).toEqual({ data: Buffer.from('sound'), consumed: sound.length });
      }),
      { numRuns: fuzzRuns },
    );
  },
  fuzzTimeout,
);

it('refuses a stream whose check sum is wrong', () => {
  const bytes = deflateSync(Buffer.from('content'));
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => inflate(new Inflater(), bytes, 100, 100)).toThrow('the data is corrupt');
});
