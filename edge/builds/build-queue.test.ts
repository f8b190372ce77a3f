import { runInDurableObject } from 'cloudflare:test';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BuildEvent } from '../../schema/build.ts';
import { builds } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { Repository } from '../git/index.ts';
import type { App } from '../platform/apps.ts';
import { database } from '../platform/database.ts';
import { currentRelease } from '../platform/releases.ts';
import { appInDatabase } from '../testing/database.ts';

let env: Env;
let app: App;
let userId: string;
let abandoned: string[];

beforeEach(async () => {
  ({ env, app, userId } = await appInDatabase());
  abandoned = [];
  vi.spyOn(Repository.prototype, 'commitPush').mockResolvedValue({ ok: true });
  vi.spyOn(Repository.prototype, 'abandonPush').mockImplementation(async (id) => {
    abandoned.push(id);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A builder that answers its orders one after the other; the last answer is for all that come after it. */
function builder(...answers: (string | Error)[]) {
  const orders: unknown[] = [];
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
    expect(url).toBe('http://builder.invalid/builds');
    expect(new Headers(init?.headers).get('authorization')).toBe('Bearer internal-secret');
    const answer = answers[Math.min(orders.length, answers.length - 1)];
    orders.push(JSON.parse(String(init?.body)));
    if (answer instanceof Error) throw answer;
    return new Response(answer);
  });
  return orders;
}

const lines = (...events: BuildEvent[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const output = (text: string): BuildEvent => ({ type: 'output', text });
const slug = { sha256: 'a'.repeat(64), size: 10, language: 'Node.js', processTypes: { web: 'node a.js' } };
const success: BuildEvent = { type: 'result', status: 'succeeded', slug };

const queue = () => env.BUILD_QUEUE.get(env.BUILD_QUEUE.idFromName(app.id));
const request = (id: string) => ({
  id,
  app: { id: app.id, name: app.name },
  userId,
  source: { type: 'push' as const, commit: 'c'.repeat(40), subject: 'Change', pushId: `push-${id}` },
  buildpacks: [],
});
const text = async (id: string) => new Response(await queue().output(id)).text();
const buildRow = (id: string) => database(env.DB).query.builds.findFirst({ where: eq(builds.id, id) });

it('builds, releases, and gives the output to whoever asks, then and later', async () => {
  const orders = builder(lines(output('-----> One\n'), { type: 'phase', phase: 'fetch', ms: 3 }, success));
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  const [live, outcome] = await Promise.all([text(id), queue().outcome(id)]);
  expect(outcome).toEqual({ status: 'succeeded', version: 2 });
  expect(live).toMatch(/^-----> One\n-----> Launching\.\.\.\n {7}Released v2\n/);
  expect(await text(id)).toBe(live);
  expect(await buildRow(id)).toMatchObject({ status: 'succeeded', commitSubject: 'Change' });
  expect(orders).toMatchObject([
    { id, source: { url: `http://edge.invalid/internal/source/${app.id}/${'c'.repeat(40)}?push=push-${id}` } },
  ]);
});

it('builds one after the other', async () => {
  let running = 0;
  let most = 0;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => {
    running++;
    most = Math.max(most, running);
    await scheduler.wait(20);
    running--;
    return new Response(lines(success));
  });
  const ids = Array.from({ length: 3 }, () => crypto.randomUUID());
  for (const id of ids) await queue().enqueue(request(id));
  const outcomes = await Promise.all(ids.map((id) => queue().outcome(id)));
  expect(outcomes).toEqual([2, 3, 4].map((version) => ({ status: 'succeeded', version })));
  expect(most).toBe(1);
});

it('keeps the running release when a build fails, and lets the push go', async () => {
  builder(lines(output(' !     No.\n'), { type: 'result', status: 'failed', reason: 'No.' }));
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  expect(await queue().outcome(id)).toEqual({ status: 'failed', reason: 'No.' });
  expect(await buildRow(id)).toMatchObject({ status: 'failed', reason: 'No.' });
  expect((await currentRelease(database(env.DB), app.id)).version).toBe(1);
  expect(abandoned).toEqual([`push-${id}`]);
});

it('starts again when the builder dies on a build', async () => {
  builder(lines(output('half')), lines(output('whole\n'), success));
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  expect(await queue().outcome(id)).toMatchObject({ status: 'succeeded' });
  expect(await text(id)).toContain('half-----> The build was interrupted and starts again\nwhole\n');
});

it('gives up on a build that takes every builder down', async () => {
  const orders = builder('');
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  expect(await queue().outcome(id)).toEqual({
    status: 'failed',
    reason: 'The build was interrupted 3 times; it is not tried again.',
  });
  expect(orders.length).toBe(3);
});

it('finishes what a stop interrupted after the build itself, without building again', async () => {
  const orders = builder(lines(success));
  const id = crypto.randomUUID();
  await runInDurableObject(queue(), (_, state) => {
    state.storage.sql.exec(
      'INSERT INTO builds (id, request, attempts, result) VALUES (?, ?, 1, ?)',
      id,
      JSON.stringify(request(id)),
      JSON.stringify(success),
    );
  });
  await queue().resume();
  expect(await queue().outcome(id)).toEqual({ status: 'succeeded', version: 2 });
  expect(orders).toEqual([]);
});

it('fails a build whose push was overtaken', async () => {
  vi.spyOn(Repository.prototype, 'commitPush').mockResolvedValue({
    ok: false,
    rejected: [{ ref: 'refs/heads/main', reason: 'fetch first' }],
  });
  builder(lines(success));
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  expect(await queue().outcome(id)).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('refs/heads/main fetch first'),
  });
  expect((await currentRelease(database(env.DB), app.id)).version).toBe(1);
});

it('fails when no builder can be reached', { timeout: 60_000 }, async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => {
    vi.setSystemTime(Date.now() + 60_000);
    throw new TypeError('connection refused');
  });
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  expect(await queue().outcome(id)).toEqual({
    status: 'failed',
    reason: 'No builder could be reached. Push again in a moment.',
  });
  vi.useRealTimers();
});

it('releases what is built even when the first try fails', async () => {
  builder(lines(success));
  const batch = vi.spyOn(env.DB.constructor.prototype, 'batch').mockRejectedValueOnce(new Error('D1 is away'));
  const id = crypto.randomUUID();
  await queue().enqueue(request(id));
  expect(await queue().outcome(id)).toEqual({ status: 'succeeded', version: 2 });
  expect(batch.mock.calls.length).toBeGreaterThan(1);
});

it('orders an archive where it is, and what was uploaded of the edge', async () => {
  const orders = builder(lines(success));
  const blob = {
    type: 'blob' as const,
    url: 'https://example.com/a.tgz',
    checksum: null,
    version: 'v7',
    description: null,
  };
  const requests = [
    { ...request(crypto.randomUUID()), source: { ...blob, id: null }, buildpacks: ['heroku/nodejs'] },
    { ...request(crypto.randomUUID()), source: { ...blob, id: 'one', checksum: `SHA256:${'A'.repeat(64)}` } },
  ];
  for (const each of requests) {
    await queue().enqueue(each);
    expect(await queue().outcome(each.id)).toMatchObject({ status: 'succeeded' });
  }
  expect(orders).toMatchObject([
    {
      source: { url: 'https://example.com/a.tgz', from: 'internet', sha256: null, version: 'v7' },
      buildpacks: ['heroku/nodejs'],
      slug: null,
    },
    { source: { url: 'http://edge.invalid/internal/sources/one', from: 'upload', sha256: 'a'.repeat(64) } },
  ]);
  expect((await currentRelease(database(env.DB), app.id)).description).toBe('Deploy v7');
});

it('cancels a build that runs and one that waits, and goes on with the next', async () => {
  const started = Promise.withResolvers<void>();
  let orders = 0;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (_, init) => {
    orders++;
    if (orders > 1) return new Response(lines(success));
    started.resolve();
    const { promise, reject } = Promise.withResolvers<Response>();
    init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
    return promise;
  });
  const [running = '', waiting = '', last = ''] = Array.from({ length: 3 }, () => crypto.randomUUID());
  for (const id of [running, waiting, last]) await queue().enqueue(request(id));
  await started.promise;
  expect(await queue().cancel(waiting)).toBe(true);
  expect(await queue().cancel(running)).toBe(true);
  const cancelled = { status: 'failed', reason: 'The build was cancelled.' };
  for (const id of [running, waiting]) {
    expect(await queue().outcome(id)).toEqual(cancelled);
    expect(await buildRow(id)).toMatchObject(cancelled);
    expect(await text(id)).toBe('\n !     The build was cancelled.\n');
  }
  expect(await queue().outcome(last)).toEqual({ status: 'succeeded', version: 2 });
  expect(await queue().cancel(last)).toBe(false);
  expect(abandoned.sort()).toEqual([`push-${running}`, `push-${waiting}`].sort());
  expect(orders).toBe(2);
});

it('ends what was cancelled right before a stop', async () => {
  const orders = builder(lines(success));
  const id = crypto.randomUUID();
  await runInDurableObject(queue(), (_, state) => {
    const row = JSON.stringify(request(id));
    state.storage.sql.exec('INSERT INTO builds (id, request, cancelled) VALUES (?, ?, 1)', id, row);
  });
  await queue().resume();
  expect(await queue().outcome(id)).toMatchObject({ status: 'failed' });
  expect(orders).toEqual([]);
});
