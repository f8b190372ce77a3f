import { afterAll, beforeAll, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';

let platform: Platform;
let heroku: Heroku;

beforeAll(async () => {
  platform = await Platform.start();
  await platform.api('POST', '/apps', { name: 'ferry' });
  heroku = await Heroku.for(platform);
});
afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
});

const run = (...args: string[]) => heroku.run([...args, '--app', 'ferry']);

it('webhooks:add, webhooks, webhooks:info, webhooks:update, webhooks:deliveries, webhooks:remove', async () => {
  expect((await run('webhooks')).stdout).toContain('ferry has no webhooks');
  // Nothing answers there: the name is kept from ever being one (RFC 2606).
  const url = 'https://receiver.invalid/hook';
  const added = await run('webhooks:add', '--include', 'api:release', '--level', 'notify', '--url', url);
  expect(added.code).toBe(0);
  expect(added.stderr).toContain('Adding webhook to ferry... done');
  expect(added.stdout).toMatch(/^=== Webhooks Signing Secret\n\n[0-9a-f]{64}\n$/);
  const { body } = await platform.api<{ id: string }[]>('GET', '/apps/ferry/webhooks');
  const id = body[0]?.id ?? '';
  const listed = await run('webhooks');
  for (const text of [id, url, 'api:release', 'notify']) expect(listed.stdout).toContain(text);
  const info = await run('webhooks:info', id);
  expect(info.stdout).toMatch(/Include: +api:release\nLevel: +notify\nURL: +https:\/\/receiver\.invalid\/hook\n/);

  expect((await run('webhooks:deliveries')).stdout).toContain('ferry has no deliveries');
  await platform.api('PATCH', '/apps/ferry/config-vars', { A: '1' });
  await expect
    .poll(async () => (await run('webhooks:deliveries')).stdout, { timeout: 90_000, interval: 500 })
    .toMatch(/failed +api:release +notify +1/);
  const { body: deliveries } = await platform.api<{ id: string }[]>('GET', '/apps/ferry/webhook-deliveries');
  const delivery = await run('webhooks:deliveries:info', deliveries[0]?.id ?? '');
  expect(delivery.stdout).toContain('=== Event Payload');
  expect(delivery.stdout).toContain('Set A config vars');
  expect((await run('webhooks:events')).stdout).toMatch(/release +create/);
  const { body: events } = await platform.api<{ id: string }[]>('GET', '/apps/ferry/webhook-events');
  expect((await run('webhooks:events:info', events[0]?.id ?? '')).stdout).toContain('"resource": "release"');

  const update = ['--include', 'api:build', '--level', 'sync', '--url', 'https://receiver.invalid/other'];
  expect((await run('webhooks:update', id, ...update)).code).toBe(0);
  expect((await run('webhooks:info', id)).stdout).toMatch(/Include: +api:build\nLevel: +sync\n/);
  const removed = await run('webhooks:remove', id);
  expect(removed.stderr).toContain('from ferry... done');
  expect((await run('webhooks')).stdout).toContain('ferry has no webhooks');
});

it('webhooks:add of what nothing can be sent to', async () => {
  const { code, stderr } = await run(
    ...['webhooks:add', '--include', 'api:release', '--level', 'sync', '--url', 'http://127.0.0.1:1/'],
  );
  expect(code).not.toBe(0);
  expect(stderr).toContain('url: a webhook is an https:// URL.');
});
