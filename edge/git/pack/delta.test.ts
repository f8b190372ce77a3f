import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GitError } from '../errors.ts';
import { buildDelta } from '../testing/build-pack.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { applyDelta } from './delta.ts';

const LIMIT = 1024 * 1024;

it('copies and inserts', () => {
  const base = Buffer.from('one two three');
  const delta = buildDelta(13, 10, 0x91, 8, 5, 1, 0x21, 0x90, 4);
  expect(Buffer.from(applyDelta(base, delta, LIMIT)).toString()).toBe('three!one ');
});

it('copies 65,536 bytes when the size is 0', () => {
  const base = new Uint8Array(70_000).fill(7);
  expect(applyDelta(base, buildDelta(70_000, 65_536, 0x80), LIMIT)).toEqual(base.subarray(0, 65_536));
});

it('makes what it says, or throws, whatever the delta is', () => {
  const base = Buffer.from('a base of some length');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.option(fc.integer({ min: 0, max: 300 })), (bytes, result) => {
      const delta = result === null ? bytes : buildDelta(base.length, result, ...bytes);
      try {
        const made = applyDelta(base, delta, LIMIT);
        if (result !== null) expect(made.length).toBe(result);
      } catch (error) {
        expect(error).toBeInstanceOf(GitError);
      }
    }),
    { numRuns: 30 * fuzzRuns },
  );
});
