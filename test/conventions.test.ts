/** What every call of the Platform API has in common. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { request } from './support/request.ts';

let platform: Platform;
let userKey: string;

beforeAll(async () => {
  platform = await Platform.start();
  const { body } = await platform.api<{ api_key: string }>('POST', '/users', { email: 'ada@example.com' });
  userKey = body.api_key;
});
afterAll(() => platform?.destroy());

const call = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
  request(platform.port, 'localhost', path, {
    method,
    headers: {
      accept: 'application/vnd.heroku+json; version=3',
      authorization: `Bearer ${userKey}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

it('answers 304 to who has the newest version', async () => {
  await call('POST', '/apps', {}, { name: 'tagged' });
  const first = await call('GET', '/apps/tagged');
  const etag = String(first.headers.etag);
  expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
  const again = await call('GET', '/apps/tagged', { 'if-none-match': `"other", W/${etag}` });
  expect([again.status, again.text]).toEqual([304, '']);
  await call('PATCH', '/apps/tagged', {}, { maintenance: true });
  const changed = await call('GET', '/apps/tagged', { 'if-none-match': etag });
  expect(changed.status).toBe(200);
  expect(changed.headers.etag).not.toBe(etag);
});

it('says how many requests are left, and keeps the id of a request', async () => {
  const [first, second] = [await call('GET', '/account'), await call('GET', '/account')];
  const left = Number(second.headers['ratelimit-remaining']);
  expect(left).toBeGreaterThan(4_000);
  expect(left).toBeLessThanOrEqual(Number(first.headers['ratelimit-remaining']));
  const id = crypto.randomUUID();
  expect((await call('GET', '/account', { 'x-request-id': id })).headers['request-id']).toBe(id);
  expect(first.headers['request-id']).toMatch(/^[0-9a-f-]{36}$/);
});

it('does a request with an Idempotency-Key once', async () => {
  const headers = { 'idempotency-key': 'first' };
  const [one, two] = await Promise.all([
    call('POST', '/apps', headers, { name: 'only-once' }),
    call('POST', '/apps', headers, { name: 'only-once' }),
  ]);
  // The second finds the first at work, or done.
  expect([one.status, two.status].filter((status) => status === 201).length).toBeGreaterThanOrEqual(1);
  const again = await call('POST', '/apps', headers, { name: 'only-once' });
  expect(again.status).toBe(201);
  expect(again.headers['idempotent-replayed']).toBe('true');
  expect(JSON.parse(again.text)).toMatchObject({ name: 'only-once' });
  const other = await call('POST', '/apps', headers, { name: 'another' });
  expect([other.status, other.text]).toEqual([
    422,
    '{"id":"invalid_params","message":"Idempotency-Key: this key was used for another request."}',
  ]);
});

it('lets a request that failed be sent again with its key', async () => {
  const headers = { 'idempotency-key': 'second' };
  expect((await call('POST', '/apps', headers, { name: 'No' })).status).toBe(422);
  expect((await call('POST', '/apps', headers, { name: 'now-right' })).status).toBe(201);
});

it('keeps the keys of one user from another', async () => {
  await call('POST', '/apps', { 'idempotency-key': 'shared' }, { name: 'of-ada' });
  const { body } = await platform.api<{ api_key: string }>('POST', '/users', { email: 'bob@example.com' });
  const answer = await call(
    'POST',
    '/apps',
    { 'idempotency-key': 'shared', authorization: `Bearer ${body.api_key}` },
    { name: 'of-bob' },
  );
  expect([answer.status, JSON.parse(answer.text).name]).toEqual([201, 'of-bob']);
});
