import { expect, it } from 'vitest';
import { RuntimeMetrics } from './runtime-metrics.ts';

const MIB = 2 ** 20;

it('has load and memory every 20 seconds', () => {
  const metrics = new RuntimeMetrics('web.1', 0);
  const lines: string[][] = [];
  // Half of a processor, for four minutes.
  for (let ms = 500; ms <= 240_000; ms += 500) lines.push(metrics.sample({ cpuMs: ms / 2, memory: 100 * MIB }, ms));
  const told = lines.filter(({ length }) => length > 0);
  expect(told).toHaveLength(12);
  expect(told.at(-1)).toEqual([
    'source=web.1 sample#load_avg_1m=0.49 sample#load_avg_5m=0.28 sample#load_avg_15m=0.12',
    'source=web.1 sample#memory_total=100.00MB sample#memory_rss=100.00MB sample#memory_quota=512.00MB',
  ]);
});

it('says R14 at once, and then every 20 seconds while it is so', () => {
  const metrics = new RuntimeMetrics('web.1', 0);
  const sample = (memory: number, now: number) => metrics.sample({ cpuMs: 0, memory: memory * MIB }, now).slice(2);
  const exceeded = ['Process running mem=611M(119.3%)', 'Error R14 (Memory quota exceeded)'];
  expect(sample(512, 1_000)).toEqual([]);
  expect(sample(611, 1_500)).toEqual(exceeded);
  expect(sample(611, 2_000)).toEqual([]);
  expect(sample(611, 21_500)).toEqual(exceeded);
  expect(sample(400, 41_500)).toEqual([]);
  expect(sample(611, 42_000)).toEqual(exceeded);
});

it('counts a process that was started anew from zero', () => {
  const metrics = new RuntimeMetrics('web.1', 0, 90_000);
  expect(metrics.sample({ cpuMs: 100, memory: 0 }, 20_000)[0]).toMatch(/load_avg_1m=0\.00/);
});
