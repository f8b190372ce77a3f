import { expect, it } from 'vitest';
import type { Route } from '../../schema/route.ts';
import { place } from './placement.ts';

const route = (web: number, id = crypto.randomUUID()): Route => ({
  app: { id, name: 'a' },
  revision: 1,
  hosts: [],
  maintenance: false,
  release: null,
  formation: { web },
});

it('gives every dyno a runner, one after the other', () => {
  const dynos = place(route(5), 3);
  expect(dynos.map(({ dyno }) => dyno)).toEqual(['web.1', 'web.2', 'web.3', 'web.4', 'web.5']);
  const first = dynos[0]?.runner ?? 0;
  expect(dynos.map(({ runner }) => runner)).toEqual([0, 1, 2, 3, 4].map((i) => (first + i) % 3));
});

it('comes to the same answer everywhere, and keeps a dyno where it is when others come', () => {
  const id = crypto.randomUUID();
  expect(place(route(2, id), 4)).toEqual(place(route(2, id), 4));
  expect(place(route(4, id), 4).slice(0, 2)).toEqual(place(route(2, id), 4));
});

it('spreads apps over the runners', () => {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 400; i++) {
    const runner = place(route(1), 4)[0]?.runner ?? 0;
    counts[runner] = (counts[runner] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(60);
});

it('places every process type but the one of releases', () => {
  const dynos = place({ ...route(1), formation: { web: 0, worker: 2, clock: 1, release: 1 } }, 2);
  expect(dynos.map(({ dyno }) => dyno)).toEqual(['worker.1', 'worker.2', 'clock.1']);
});
