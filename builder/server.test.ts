import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startBuilder } from './testing.ts';

const app = { 'package.json': '{}', 'index.js': '' };

test('health is open; orders need the secret and a form', async () => {
  const { url, post } = await startBuilder();
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect((await post({}, { authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await fetch(`${url}/builds`)).status).toBe(401);
  const refused = await post({ id: 'no UUID' });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain(
    'Not a build order: id, app, source, buildpacks, slug, caches, slugs, engines, config',
  );
});

test('a build leaves nothing in the work directory', async () => {
  const { build, work } = await startBuilder();
  await build(app);
  await build({});
  expect(readdirSync(work)).toEqual([]);
});

test('a build beyond the limit waits; cancelling the one before it gives it the slot', async () => {
  const { post, order, stall } = await startBuilder({ concurrency: 1 });
  const stalled = await order(app);
  stall(stalled);
  const cancelled = new AbortController();
  const response = await post(stalled, { signal: cancelled.signal });
  await response.body?.getReader().read();

  const waiting = await post(await order(app));
  const lines = waiting.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(JSON.parse((await lines?.read())?.value ?? '')).toEqual({
    type: 'output',
    text: '-----> Waiting: another build is before this one\n',
  });
  cancelled.abort();
  let rest = '';
  for (let chunk = await lines?.read(); !chunk?.done; chunk = await lines?.read()) rest += chunk?.value;
  expect(rest).toContain('"status":"succeeded"');
});
