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

it('drains:add, drains, drains:remove', async () => {
  const url = 'syslog+tls://logs.example.com:6514';
  expect(await heroku.run(['drains:add', url, '--app', 'ferry'])).toMatchObject({
    code: 0,
    stdout: `Successfully added drain ${url}\n`,
  });
  const { body: drains } = await platform.api<{ token: string }[]>('GET', '/apps/ferry/log-drains');
  const listed = await heroku.run(['drains', '--app', 'ferry']);
  expect(listed.stdout).toContain('=== Drains');
  expect(listed.stdout).toContain(`${url} (${drains[0]?.token})`);
  expect(await heroku.run(['drains:remove', url, '--app', 'ferry'])).toMatchObject({
    code: 0,
    stdout: `Successfully removed drain ${url}\n`,
  });
  expect((await heroku.run(['drains', '--app', 'ferry'])).stdout).not.toContain(url);
});

it('drains:add of what is no drain', async () => {
  const { code, stderr } = await heroku.run(['drains:add', 'ftp://example.com', '--app', 'ferry']);
  expect(code).not.toBe(0);
  expect(stderr).toContain('Url is invalid');
});
