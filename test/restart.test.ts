/** `npm run restart`: all parts anew, and nobody who visits an app notices. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { command } from './support/command.ts';
import { Platform } from './support/platform.ts';
import { descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;

beforeAll(async () => {
  platform = await Platform.start();
  repository = await Repository.create({
    'package.json': '{"name":"steady","scripts":{"start":"node server.js"}}',
    'server.js': `require('node:http').createServer((req, res) => {
      if (req.url !== '/slow') return res.end('quick');
      res.write('slow');
      setTimeout(() => res.end('ly'), 3_000);
    }).listen(process.env.PORT);\n`,
  });
  await platform.api('POST', '/apps', { name: 'steady' });
  await repository.git('push', platform.remote('steady'), 'main');
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

it('takes every connection and ends every answer', async () => {
  const before = descendants(platform.pid).map(({ pid }) => pid);
  let going = true;
  const answers: string[] = [];
  const ask = (path: string) => platform.app('steady', path).then(({ text }) => text);
  // A connection may come at the very moment at which a process ends, and be closed before its request is read. Then a
  // client asks again, as browsers do (RFC 9112, section 9.3.1).
  const visitors = ['/', '/', '/slow'].map(async (path) => {
    while (going) answers.push(await ask(path).catch(() => ask(path).catch(String)));
  });
  const { code, output } = await command('host/restart.ts', [], { DATA_DIR: platform.dataDir });
  going = false;
  await Promise.all(visitors);
  expect(output).toBe('Edge, builder and runners have started anew.\n');
  expect(code).toBe(0);
  expect(new Set(answers)).toEqual(new Set(['quick', 'slowly']));
  expect(answers.length).toBeGreaterThan(20);
  const after = descendants(platform.pid).map(({ pid }) => pid);
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);

  await repository.commit('After the restart');
  const push = await repository.git('push', platform.remote('steady'), 'main');
  expect(push, push.stderr).toMatchObject({ code: 0 });
});

it('has the control plane back when it is killed again while it starts', async () => {
  const workerd = () => descendants(platform.pid).find(({ command }) => command.includes('serve --binary'))?.pid;
  let killed: number | undefined;
  for (const _ of [1, 2]) {
    const next = await vi.waitUntil(() => [workerd()].find((pid) => pid !== killed), { timeout: 60_000, interval: 5 });
    process.kill(next, 'SIGKILL');
    killed = next;
  }
  await expect
    .poll(() => platform.api('GET', '/account').then(({ status }) => status, String), { timeout: 90_000 })
    .toBe(200);
});

it('says so where no platform runs', async () => {
  const { code, output } = await command('host/restart.ts', [], { DATA_DIR: `${platform.dataDir}-none` });
  expect(code).toBe(1);
  expect(output).toContain('does not take orders');
});
