import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { ApiError } from '../platform/errors.ts';
import { page } from './paging.ts';

const items = Array.from({ length: 25 }, (_, i) => ({ version: i + 1, name: `n${String.fromCharCode(97 + i)}` }));
const app = new Hono()
  .get('/', (c) =>
    page(c, items, { by: { version: (i) => i.version, name: (i) => i.name }, order: 'desc' }, (i) => i.version),
  )
  .onError((error, c) => c.text(error.message, error instanceof ApiError ? error.status : 500));

async function ask(range?: string) {
  const response = await app.request('/', { headers: range ? { range } : {} });
  const { status, headers } = response;
  return {
    status,
    content: headers.get('content-range'),
    next: headers.get('next-range'),
    body: status < 400 ? await response.json<number[]>() : await response.text(),
  };
}

it('gives everything when nothing is asked', async () => {
  const { status, content, next, body } = await ask();
  expect({ status, content, next }).toEqual({ status: 200, content: 'version 25..1', next: null });
  expect(body.length).toBe(25);
});

it('walks through all pages by Next-Range, each item once', async () => {
  const seen: number[] = [];
  let range: string | null = 'version ..; max=10, order=desc';
  const statuses: number[] = [];
  while (range) {
    const answer = await ask(range);
    statuses.push(answer.status);
    seen.push(...(Array.isArray(answer.body) ? answer.body : []));
    range = answer.next;
  }
  expect(statuses).toEqual([206, 206, 200]);
  expect(seen).toEqual(items.map(({ version }) => version).reverse());
});

it.each([
  ['version 3..5; order=asc', [3, 4, 5]],
  ['version ]3..5; order=asc', [4, 5]],
  ['version 5..3; order=desc', [5, 4, 3]],
  ['version 24..; order=asc', [24, 25]],
  ['name nb..nc; order=asc', [2, 3]],
  ['version ..; max=2', [25, 24]],
])('takes %s', async (range, expected) => {
  expect((await ask(range)).body).toEqual(expected);
});

it.each(['colour ..', 'version', 'x'])('refuses %s', async (range) => {
  const { status, body } = await ask(range);
  expect(status).toBe(416);
  expect(body).toContain('use one of: version, name');
});
