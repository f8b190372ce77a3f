import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { schedule } from './crons.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-22T23:58:30.000Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

it('calls at the times of each expression, until it is stopped', async () => {
  const calls: string[] = [];
  const stop = schedule(['* * * * *', '*/5 * * * *'], (cron, time) => {
    calls.push(`${cron} ${new Date(time).toISOString()}`);
  });
  await vi.advanceTimersByTimeAsync(100_000);
  stop();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(calls.sort()).toEqual([
    '* * * * * 2026-11-22T23:59:00.000Z',
    '* * * * * 2026-11-23T00:00:00.000Z',
    '*/5 * * * * 2026-11-23T00:00:00.000Z',
  ]);
});
