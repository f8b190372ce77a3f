import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

let platform: Platform;
let heroku: Heroku;
let repository: Repository;

beforeAll(async () => {
  platform = await Platform.start();
  heroku = await Heroku.for(platform);
  repository = await Repository.create({
    'package.json': '{"name":"talker"}',
    'server.js': `require('node:http').createServer((req, res) => {
      console.log('said ' + req.url.slice(1));
      res.end();
    }).listen(process.env.PORT);`,
  });
  await platform.api('POST', '/apps', { name: 'talker' });
  await repository.git('push', platform.remote('talker'), 'main');
  for (const name of ['one', 'two', 'three']) await platform.app('talker', `/${name}`);
  await vi.waitUntil(async () => (await platform.log('talker')).includes('path="/three"'), { timeout: 20_000 });
});
afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
  await repository?.destroy();
});

const logs = async (...args: string[]) => {
  const { code, stdout } = await heroku.run(['logs', '--app', 'talker', '--no-color', ...args]);
  expect(code).toBe(0);
  return stdout.trimEnd().split('\n');
};

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 (app|heroku)\[[\w.]+\]: /;

it('logs', async () => {
  const lines = await logs();
  for (const line of lines) expect(line).toMatch(LINE);
  const text = lines.join('\n');
  expect(text).toMatch(/app\[api\]: Release v2 created/);
  expect(text).toMatch(/heroku\[web\.1\]: State changed from starting to up/);
  expect(text.indexOf('said one')).toBeLessThan(text.indexOf('said two'));
  expect(text).toMatch(/heroku\[router\]: at=info method=GET path="\/one" host=talker\.localhost/);
});

it('logs --num', async () => {
  expect(await logs('--num', '2')).toHaveLength(2);
});

it('logs --source', async () => {
  const lines = await logs('--source', 'app');
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(/ app\[/);
});

it('logs of one dyno', async () => {
  const lines = await logs('--dyno-name', 'router');
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toContain(' heroku[router]: at=info ');
  expect((await logs('--process-type', 'web')).every((line) => line.includes('[web.1]'))).toBe(true);
});

it('logs --tail', async () => {
  const tail = heroku.start(['logs', '--tail', '--app', 'talker']);
  await expect.poll(() => tail.stdout, { timeout: 60_000 }).toContain('said three');
  await platform.app('talker', '/later');
  await expect.poll(() => tail.stdout, { timeout: 60_000 }).toContain('said later');
  tail.process.kill('SIGINT');
  await tail.ended;
});
