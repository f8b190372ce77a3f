import { expect, it } from 'vitest';
import { FailureLimit } from './failure-limit.ts';

it('makes a key wait after too many failures, until its window ends, and no other', () => {
  const limit = new FailureLimit({ max: 2, windowMs: 1_000, maxKeys: 10 });
  limit.count('a', 0);
  expect(limit.waitMs('a', 1)).toBe(0);
  limit.count('a', 400);
  expect(limit.waitMs('a', 400)).toBe(600);
  expect(limit.waitMs('b', 400)).toBe(0);
  expect(limit.waitMs('a', 1_000)).toBe(0);
  limit.count('a', 1_001);
  expect(limit.waitMs('a', 1_001)).toBe(0);
});

it('remembers no more keys than it may', () => {
  const limit = new FailureLimit({ max: 1, windowMs: 1_000, maxKeys: 2 });
  for (const key of ['a', 'b', 'c']) limit.count(key, 0);
  expect(['a', 'b', 'c'].map((key) => limit.waitMs(key, 1) > 0)).toEqual([false, true, true]);
});
