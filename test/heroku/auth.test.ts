import { afterAll, beforeAll, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';

let platform: Platform;
let heroku: Heroku;

beforeAll(async () => {
  platform = await Platform.start();
  heroku = await Heroku.for(platform);
});
afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
});

it('auth:whoami', async () => {
  const { body } = await platform.api<{ email: string }>('GET', '/account');
  const { code, stdout, stderr } = await heroku.run(['auth:whoami']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${body.email}\n` });
  expect(stderr.trim()).toBe('›   Warning: HEROKU_API_KEY is set');
});

it('auth:whoami with a token that nobody has', async () => {
  const stranger = await Heroku.for(platform, 'no-such-token');
  const { code, stderr } = await stranger.run(['auth:whoami']);
  expect(code).not.toBe(0);
  expect(stderr).toContain('Invalid credentials provided');
  await stranger.destroy();
});
