/** Ordinary apps of the common frameworks, as their users write them, with packages from the registry. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import { open } from './support/request.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
});

afterAll(() => platform?.destroy());

async function deploy(app: string): Promise<void> {
  const repository = await Repository.create(app);
  await platform.api('POST', '/apps', { name: app });
  const { code, stderr } = await repository.git('push', platform.remote(app), 'main');
  expect(stderr).toContain('deployed to Islet');
  expect(code).toBe(0);
  await repository.destroy();
}

const json = (value: unknown) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

it('serves Koa', async () => {
  await deploy('koa');
  expect((await platform.app('koa')).text).toBe('0 notes\n');
  const posted = await platform.app('koa', '/notes', json({ text: 'ferry at nine' }));
  expect({ status: posted.status, note: JSON.parse(posted.text) }).toEqual({
    status: 201,
    note: { id: 1, text: 'ferry at nine' },
  });
  const note = await platform.app('koa', '/notes/1');
  expect(JSON.parse(note.text)).toEqual({ id: 1, text: 'ferry at nine' });
  expect(note.headers['x-response-time']).toMatch(/^\d+ms$/);
  expect((await platform.app('koa', '/notes/2')).text).toBe('No such note');
});

it('serves Fastify', async () => {
  await deploy('fastify');
  expect(JSON.parse((await platform.app('fastify')).text)).toEqual({ hello: 'fastify' });
  expect((await platform.app('fastify', '/todos', json({ title: 'sails' }))).status).toBe(201);
  const refused = await platform.app('fastify', '/todos', json({ title: '' }));
  expect(refused.status).toBe(400);
  expect(JSON.parse(refused.text)).toMatchObject({ code: 'FST_ERR_VALIDATION' });
  expect(JSON.parse((await platform.app('fastify', '/todos')).text)).toEqual([{ id: 1, title: 'sails', done: false }]);
  await expect
    .poll(() => platform.log('fastify'), { timeout: 10_000 })
    .toMatch(/app\[web\.1\]: \{"level":30.*"msg":"Server listening at http:\/\/127\.0\.0\.1:5000"/);
});

it('serves Hono on Node', async () => {
  await deploy('hono');
  expect((await platform.app('hono')).headers['content-type']).toContain('text/html');
  const { code } = JSON.parse((await platform.app('hono', '/links', json({ url: 'https://example.com/' }))).text);
  const moved = await platform.app('hono', `/${code}`);
  expect({ status: moved.status, location: moved.headers.location }).toEqual({
    status: 302,
    location: 'https://example.com/',
  });
});

it('streams server-sent events of plain node:http, each as it is sent', async () => {
  await deploy('sse');
  const response = await open(platform.port, 'sse.localhost', '/events');
  expect(response.headers['content-type']).toBe('text/event-stream');
  const arrivals: number[] = [];
  for await (const chunk of response) {
    if (String(chunk).includes('data:')) arrivals.push(Date.now());
    if (arrivals.length === 4) break;
  }
  // Sent 250 ms apart: had they been held back, they would have come together.
  expect((arrivals[3] ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(400);
});

it('names the lines of the app in the errors that it logs', async () => {
  const repository = await Repository.create({
    'package.json': '{"name":"failing","type":"module","scripts":{"start":"node src/server.ts"}}',
    'src/server.ts': `import { createServer } from 'node:http';
import { fail } from './fail.ts';

interface Unused {
  kept: false;
}

createServer((_request, response) => {
  try {
    fail();
  } catch (error) {
    console.error(error);
  }
  response.end(import.meta.filename);
}).listen(process.env.PORT);
`,
    'src/fail.ts': `type Nothing = never;
// It speaks of its place.
export const place: string = import.meta.url;

export function fail(): Nothing {
  throw new Error('on purpose');
}
`,
  });
  await platform.api('POST', '/apps', { name: 'failing' });
  const { code, stderr } = await repository.git('push', platform.remote('failing'), 'main');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect((await platform.app('failing')).text).toBe('/tmp/app/src/server.ts');
  await expect.poll(() => platform.log('failing')).toContain('Error: on purpose');
  const log = await platform.log('failing');
  expect(log).toMatch(/app\[web\.1\]: {5}at fail \(\/tmp\/app\/src\/fail\.ts:6:9\)/);
  expect(log).toMatch(/app\[web\.1\]: {5}at .*\/tmp\/app\/src\/server\.ts:10:5/);
  expect(log).not.toContain('adapter.js');
  await repository.destroy();
});
