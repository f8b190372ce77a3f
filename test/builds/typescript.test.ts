/** Servers that are compiled or bundled when they are pushed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Platform } from '../support/platform.ts';
import { pushApp } from './push.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(() => platform?.destroy());

test('tsc compiles: that of TypeScript 7 in JavaScript', async () => {
  const output = await pushApp(platform, 'builds/tsc');
  expect(output).toMatch(/Using typescript@6\.\d+\.\d+ in place of typescript@7\./);
  expect(output).toContain('> tsc');
  expect((await platform.app('tsc', '/?times=6')).text).toBe('facing South\n');
});

test('an Express API in TypeScript', async () => {
  await pushApp(platform, 'builds/express-typescript');
  const post = (body: unknown) =>
    platform.app('express-typescript', '/todos', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect(await post({ title: 'write' })).toMatchObject({ status: 201, text: '{"title":"write","done":false}' });
  expect(await post({ title: '' })).toMatchObject({ status: 400, text: expect.stringContaining('at title') });
  expect((await platform.app('express-typescript', '/todos')).text).toBe('[{"title":"write","done":false}]');
});

test('an error of types ends the push with what tsc said', async () => {
  await expect(pushApp(platform, 'builds/wrong-types')).rejects.toThrow(
    /src\/server\.ts\(3,7\): error TS2322: Type 'string' is not assignable to type 'number'.*"build" of package\.json ended with exit code 2/s,
  );
  expect(await platform.newest('/apps/wrong-types/releases', 'version')).toHaveLength(1);
});

test('rollup bundles, with plug-ins for packages, JSON and minifying', async () => {
  await pushApp(platform, 'builds/rollup');
  expect((await platform.app('rollup')).text).toBe('rollup: two days are 172800000 ms\n');
});

test('a script of the app calls esbuild, with a plug-in of its own', async () => {
  await pushApp(platform, 'builds/esbuild');
  expect((await platform.app('esbuild')).text).toMatch(/^made by a plug-in, with v\d+\.\d+\.\d+\n$/);
  expect((await platform.app('esbuild', '/client.js')).text).toContain('"bundled by esbuild"');
});
