/** Servers of frameworks, started as the framework's own template has it, without a Procfile. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Platform } from '../support/platform.ts';
import { named, pushApp } from './push.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(() => platform?.destroy());

test('NestJS, by `nest start`: decorators, their metadata, and pipes', async () => {
  expect(await pushApp(platform, 'builds/nest')).toContain('web: dist/main.js');
  const post = (body: unknown) =>
    platform.app('nest', '/cats/Tom', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect((await post({ age: 3 })).status).toBe(201);
  expect(await post({ age: 'three' })).toMatchObject({
    status: 400,
    text: expect.stringContaining('must be an integer'),
  });
  expect((await platform.app('nest', '/cats')).text).toBe('Tom is 3');
});

test('React Router, by `react-router-serve`: loaders, actions and what the browser gets', async () => {
  const output = await pushApp(platform, 'builds/react-router');
  expect(output).toMatch(/Using @rolldown\/binding-wasm32-wasi@\S+ for rolldown@\S+: native code does not run here/);
  const posted = await platform.app('react-router', '/?index', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=Ada',
  });
  expect(posted).toMatchObject({ status: 302, headers: { location: '/hello/Ada' } });
  const page = (await platform.app('react-router', '/hello/Ada')).text;
  expect(page).toContain('<h1>hello Ada</h1>');
  const script = await platform.app('react-router', named(page, /href="(\/assets\/entry\.client-[\w-]+\.js)"/));
  expect(script).toMatchObject({ status: 200, headers: { 'cache-control': expect.stringContaining('immutable') } });
});

test('SvelteKit with its adapter for Node.js, which leaves a server that nothing names', async () => {
  expect(await pushApp(platform, 'builds/svelte-node')).toContain('web: build/index.js');
  expect((await platform.app('svelte-node', '/?name=Ada')).text).toContain('<h1>hello Ada</h1>');
});
