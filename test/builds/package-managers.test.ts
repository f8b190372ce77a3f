/** Builds of projects that other package managers than npm manage, and scripts that npm runs by itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Platform } from '../support/platform.ts';
import { pushApp } from './push.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(() => platform?.destroy());

test('a pnpm workspace of three packages, built in the order of their dependencies', async () => {
  const output = await pushApp(platform, 'builds/pnpm-workspace');
  const order = [...output.matchAll(/> @example\/(\w+)@1\.0\.0 build/g)].map(([, name]) => name);
  expect(order).toEqual(['shapes', 'report', 'server']);
  expect((await platform.app('pnpm-workspace')).text).toBe('an area of 42, for 2 minutes\n');
});

test('a Yarn Berry project, built by tsup', async () => {
  expect(await pushApp(platform, 'builds/yarn-berry')).toContain('Build success');
  expect((await platform.app('yarn-berry', '/Ada')).text).toBe('{"greeting":"hello Ada"}');
});

test('a postinstall that generates code', async () => {
  expect(await pushApp(platform, 'builds/postinstall')).toContain('generated a validator');
  expect((await platform.app('postinstall', '/?sum=40%2B2')).text).toBe('42');
  expect(await platform.app('postinstall', '/?sum=1')).toMatchObject({
    status: 400,
    text: '"must NOT have fewer than 3 characters"',
  });
});
