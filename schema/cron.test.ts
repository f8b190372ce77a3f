import { expect, it } from 'vitest';
import { cronOf } from './cron.ts';

it.each([
  ['*/2 * * * *', '2026-11-23T00:00:00.000Z'],
  ['59 * * * *', '2026-11-22T23:59:00.000Z'],
  ['0 17 * * sun', '2026-11-29T17:00:00.000Z'],
  // The first day of the week is Sunday.
  ['10 7 * * 2', '2026-11-23T07:10:00.000Z'],
  ['0 15 1 * *', '2026-12-01T15:00:00.000Z'],
  ['59 23 LW * *', '2026-11-30T23:59:00.000Z'],
  ['0 18 * * 6L', '2026-11-27T18:00:00.000Z'],
])('knows when %s is next', (expression, next) => {
  expect(cronOf(expression).nextRun('2026-11-22T23:58:30.000Z')?.toISOString()).toBe(next);
});

it.each(['* * * *', '60 * * * *', '* * * * * *', 'every minute'])('refuses %s', (expression) => {
  expect(() => cronOf(expression)).toThrow(/Cron/);
});
