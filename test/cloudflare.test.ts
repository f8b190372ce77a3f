/** The other way to run: the Worker alone, as Cloudflare runs it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CloudflareWorker } from './support/cloudflare.ts';
import { Repository } from './support/repository.ts';

let worker: CloudflareWorker;

beforeAll(async () => {
  worker = await CloudflareWorker.start();
});
afterAll(() => worker?.stop());

async function deploy(name: string, source: Parameters<typeof Repository.create>[0]): Promise<Repository> {
  const repository = await Repository.create(source);
  await worker.api('POST', '/apps', { name });
  await push(name, repository);
  return repository;
}

async function push(name: string, repository: Repository): Promise<void> {
  const { code, stderr } = await repository.git('push', worker.remote(name), 'main');
  expect(code, `${stderr}\n${worker.output}`).toBe(0);
}

it('serves an app whose views are compiled while it serves, from its first request on', async () => {
  const repository = await deploy('guestbook', 'express');
  const posted = await worker.app('guestbook', '/messages', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=Ada&text=Hello',
  });
  expect(posted.status).toBe(302);
  const { status, text } = await worker.app('guestbook');
  expect({ status, text }).toMatchObject({ status: 200, text: expect.stringContaining('<title>Guestbook</title>') });
  expect(await worker.log('guestbook')).toContain('heroku[web.1]: Restarting, as the app makes functions of text');

  // What the app makes of text is known from then on, and a new release is live when its push ends.
  const before = (await worker.log('guestbook')).split('makes functions of text').length;
  await repository.write({ 'public/new.txt': 'new' });
  await repository.commit('Second version');
  await push('guestbook', repository);
  expect((await worker.app('guestbook', '/new.txt')).text).toBe('new');
  expect((await worker.app('guestbook')).status).toBe(200);
  expect((await worker.log('guestbook')).split('makes functions of text').length).toBe(before);
  await repository.destroy();
});

it('starts an app that compiles its validators when it starts', async () => {
  const repository = await deploy('fastify', 'fastify');
  expect(JSON.parse((await worker.app('fastify')).text)).toEqual({ hello: 'fastify' });
  const refused = await worker.app('fastify', '/todos', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"title":""}',
  });
  expect([refused.status, JSON.parse(refused.text).code]).toEqual([400, 'FST_ERR_VALIDATION']);
  await repository.destroy();
});

it('runs a background process, which ends when it is scaled down', async () => {
  const repository = await deploy('clock', {
    Procfile: 'web: node web.js\nclock: node clock.js\n',
    'package.json': '{"name":"clock"}',
    'web.js': `require('http').createServer((req, res) => res.end('web')).listen(process.env.PORT);`,
    'clock.js': `setInterval(() => console.log('tick'), 200);`,
  });
  const scale = (quantity: number) =>
    worker.api('PATCH', '/apps/clock/formation', { updates: [{ type: 'clock', quantity }] });
  await scale(1);
  await expect.poll(() => worker.log('clock'), { timeout: 20_000 }).toContain('app[clock.1]: tick');
  await scale(0);
  await expect
    .poll(() => worker.log('clock'), { timeout: 40_000, interval: 1_000 })
    .toContain('heroku[clock.1]: Process exited with status 143');
  await repository.destroy();
});
