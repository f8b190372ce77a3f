import { expect, it, vi } from 'vitest';
import type { Route } from '../../schema/route.ts';
import { type Context, RouteCache } from './route-cache.ts';

const context: Context = { waitUntil: () => {} };

const route = (revision: number, hosts = ['a.localhost']): Route => ({
  app: { id: '6e4d4b9c-3e6f-4a0f-9d2f-0d4b8f7c1a11', name: 'a' },
  revision,
  hosts,
  maintenance: false,
  release: null,
  formation: {},
});

function setUp(...answers: (Route | null)[]) {
  const load = vi.fn(async (_host: string) => answers.shift() ?? null);
  const onChange = vi.fn(async () => {});
  return { cache: new RouteCache({ load, onChange }), load, onChange };
}

it('asks once for all who wait', async () => {
  const { cache, load } = setUp(route(1));
  const answers = await Promise.all([1, 2, 3].map(() => cache.get('a.localhost', context)));
  expect(answers).toEqual([route(1), route(1), route(1)]);
  expect(load).toHaveBeenCalledTimes(1);
  expect(cache.get('a.localhost', context)).toEqual(route(1));
});

it('serves an old route while it asks for the new one, and tells of it before it serves', async () => {
  vi.useFakeTimers();
  const { cache, onChange } = setUp(route(1), route(2));
  await cache.get('a.localhost', context);
  vi.advanceTimersByTime(11_000);
  expect(cache.get('a.localhost', context)).toEqual(route(1));
  vi.useRealTimers();
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledWith(route(2), route(1)));
  expect(cache.get('a.localhost', context)).toEqual(route(2));
});

it('remembers for a moment that there is no app', async () => {
  vi.useFakeTimers();
  const { cache, load } = setUp(null, route(1));
  expect(await cache.get('a.localhost', context)).toBeNull();
  expect(cache.get('a.localhost', context)).toBeNull();
  expect(load).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(3_000);
  expect(await cache.get('a.localhost', context)).toEqual(route(1));
  vi.useRealTimers();
});

it('never replaces a newer route by an older one', async () => {
  const { cache } = setUp(route(1));
  cache.put(route(2));
  cache.put(route(1));
  expect(cache.get('a.localhost', context)).toEqual(route(2));
});

it('gives up a host that an app does not have any more', async () => {
  const { cache } = setUp(null);
  cache.put(route(1, ['a.localhost', 'b.localhost']));
  cache.put(route(2, ['a.localhost']));
  expect(cache.get('a.localhost', context)).toEqual(route(2, ['a.localhost']));
  expect(await cache.get('b.localhost', context)).toBeNull();
});

it('asks again after an answer that did not come', async () => {
  const load = vi.fn().mockRejectedValueOnce(new Error('down')).mockResolvedValueOnce(route(1));
  const cache = new RouteCache({ load, onChange: async () => {} });
  await expect(cache.get('a.localhost', context)).rejects.toThrow('down');
  expect(await cache.get('a.localhost', context)).toEqual(route(1));
});

it('does not wait for ever on a request that has gone with its client', async () => {
  vi.useFakeTimers();
  const load = vi
    .fn()
    .mockReturnValueOnce(new Promise(() => {}))
    .mockResolvedValueOnce(route(1));
  const cache = new RouteCache({ load, onChange: async () => {} });
  void cache.get('a.localhost', context);
  vi.advanceTimersByTime(6_000);
  expect(await cache.get('a.localhost', context)).toEqual(route(1));
  vi.useRealTimers();
});
