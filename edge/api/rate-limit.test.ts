import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { ApiError } from '../platform/errors.ts';
import type { ApiContext, User } from './auth.ts';
import { rateLimit } from './rate-limit.ts';

function limited() {
  const clock = { now: 0 };
  const app = new Hono<ApiContext>();
  app.use(async (c, next) => {
    const email = c.req.header('x-user') ?? '';
    c.set('user', { id: email, email } as User);
    await next();
  });
  app.use(rateLimit(() => clock.now));
  app.get('/', (c) => c.text('here'));
  app.onError((error, c) => (error instanceof ApiError ? c.json({ id: error.id }, error.status) : c.text('', 500)));
  const ask = async (user: string) => {
    const response = await app.request('/', { headers: { 'x-user': user } });
    return [response.status, response.headers.get('ratelimit-remaining')];
  };
  return { ask, clock };
}

it('counts down, and gives back with time', async () => {
  const { ask, clock } = limited();
  expect(await ask('ada@example.com')).toEqual([200, '4499']);
  expect(await ask('ada@example.com')).toEqual([200, '4498']);
  expect(await ask('bob@example.com')).toEqual([200, '4499']);
  clock.now = 60_000;
  expect(await ask('ada@example.com')).toEqual([200, '4499']);
});

it('refuses who has used all, until some come back', async () => {
  const { ask, clock } = limited();
  for (let count = 0; count < 4500; count++) await ask('ada@example.com');
  expect(await ask('ada@example.com')).toEqual([429, '0']);
  clock.now = 1_000;
  expect((await ask('ada@example.com'))[0]).toBe(200);
  expect((await ask('ada@example.com'))[0]).toBe(429);
});

it('does not count the operator', async () => {
  const { ask } = limited();
  for (let count = 0; count < 3; count++) expect(await ask('admin@islet.local')).toEqual([200, '4500']);
});
