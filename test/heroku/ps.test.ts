import { afterAll, beforeAll, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

let platform: Platform;
let heroku: Heroku;
let repository: Repository;
const app = 'ferry';

beforeAll(async () => {
  platform = await Platform.start();
  heroku = await Heroku.for(platform);
  repository = await Repository.create({
    'package.json': '{"name":"ferry","version":"1.0.0"}',
    Procfile: 'web: node server.js\nworker: node worker.js\n',
    'server.js': "require('node:http').createServer((_, res) => res.end('up\\n')).listen(process.env.PORT);\n",
    'worker.js': "console.log('at work');\nsetInterval(() => {}, 1000);\n",
  });
  await platform.api('POST', '/apps', { name: app });
});
afterAll(async () => {
  await heroku?.destroy();
  await repository?.destroy();
  await platform?.destroy();
});

/** What a command prints, and its code; times are always the same. */
async function run(...args: string[]) {
  const { code, stdout, stderr } = await heroku.run([...args, '--app', app]);
  const plain = (text: string) => text.replace(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d [+-]\d{4} \(~ \d+s ago\)/g, 'TIME');
  return { code, stdout: plain(stdout), stderr: plain(stderr).replace(/^ › {3}Warning: HEROKU_API_KEY is set\n/, '') };
}

interface Dyno {
  id: string;
  name: string;
  state: string;
}
const dynos = async () => (await platform.api<Dyno[]>('GET', `/apps/${app}/dynos`)).body;

it('ps of an app without a release', async () => {
  expect(await run('ps')).toEqual({ code: 0, stdout: `No dynos on ${app}\n`, stderr: '' });
});

it('ps:scale of an app without process types', async () => {
  const { code, stderr } = await run('ps:scale');
  expect(code).not.toBe(0);
  expect(stderr).toContain(`No process types on ${app}.`);
});

it('ps', async () => {
  expect((await repository.git('push', platform.remote(app), 'main')).code).toBe(0);
  expect(await run('ps')).toEqual({
    code: 0,
    stdout: '=== web (Basic): node server.js (1)\n\nweb.1: up TIME\n\n',
    stderr: '',
  });
});

it('ps:scale shows the formation, changes it, and counts up and down', async () => {
  expect((await run('ps:scale')).stdout).toBe('web=1:Basic worker=0:Basic\n');
  const scaled = await run('ps:scale', 'web=2', 'worker=1:standard-2x');
  expect(scaled.code).toBe(0);
  expect(scaled.stderr).toBe('Scaling dynos... done, now running web at 2:Basic, worker at 1:Standard-2X\n');
  const more = await run('ps:scale', 'worker+1', 'web-1');
  expect(more.stderr).toBe('Scaling dynos... done, now running worker at 2:Standard-2X, web at 1:Basic\n');
  await expect
    .poll(async () => (await run('ps')).stdout, { timeout: 60_000 })
    .toBe(
      '=== web (Basic): node server.js (1)\n\nweb.1: up TIME\n\n=== worker (Standard-2X): node worker.js (2)\n\nworker.1: up TIME\nworker.2: up TIME\n\n',
    );
});

it('ps of a type, and of one that there is not', async () => {
  expect((await run('ps', 'worker')).stdout).toContain('worker.2: up TIME');
  const { code, stderr } = await run('ps', 'clock');
  expect(code).not.toBe(0);
  expect(stderr).toContain(`No clock dynos on ${app}`);
});

it('ps:scale refuses a type, a number and a size that will not do, and changes nothing', async () => {
  for (const [change, message] of [
    ['clock=1', "Couldn't find that process type (clock)."],
    ['worker=101', 'Cannot scale worker to 101'],
    ['worker-9', 'Cannot scale worker to -7'],
    ['worker=1:huge', 'No such dyno size: huge.'],
  ] as const) {
    const { code, stderr } = await run('ps:scale', change, 'web=3');
    expect({ change, code }).toEqual({ change, code: 2 });
    expect(stderr.replace(/\s+›?\s*/g, ' ')).toContain(message);
  }
  expect((await run('ps:scale')).stdout).toBe('web=1:Basic worker=2:Standard-2X\n');
});

it('ps:type shows sizes and changes them', async () => {
  const { code, stdout } = await run('ps:type', 'worker=basic');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /=== Process Types\n.*web\s+Basic\s+1\s.*worker\s+Basic\s+2\s.*=== Dyno Totals\n.*Basic\s+3\s/s,
  );
});

it('ps:restart of one dyno, a type and all', async () => {
  const before = await dynos();
  const one = await run('ps:restart', '--dyno-name', 'worker.1');
  expect(one).toMatchObject({ code: 0, stderr: `Restarting dyno worker.1 on ${app}... done\n` });
  const changed = async () => {
    const now = await dynos();
    return now.filter(({ id, state }, i) => state === 'up' && id !== before[i]?.id).map(({ name }) => name);
  };
  await expect.poll(changed, { timeout: 60_000 }).toEqual(['worker.1']);
  const type = await run('ps:restart', '--process-type', 'worker');
  expect(type.stderr).toBe(`Restarting all worker dynos on ${app}... done\n`);
  await expect.poll(changed, { timeout: 60_000 }).toEqual(['worker.1', 'worker.2']);
  const all = await run('ps:restart');
  expect(all.stderr).toBe(`Restarting all dynos on ${app}... done\n`);
  await expect.poll(changed, { timeout: 60_000 }).toEqual(['web.1', 'worker.1', 'worker.2']);
  expect((await platform.app(app)).text).toBe('up\n');
});

it('ps:stop of a dyno, which the formation starts again', async () => {
  const before = await dynos();
  const { code, stderr } = await run('ps:stop', '--dyno-name', 'worker.2');
  expect({ code, stderr }).toEqual({ code: 0, stderr: `Stopping dyno worker.2 on ${app}... done\n` });
  await expect
    .poll(async () => (await dynos()).find(({ name }) => name === 'worker.2'), { timeout: 60_000 })
    .toMatchObject({ state: 'up', id: expect.not.stringContaining(before[2]?.id ?? '') });
});

it('ps:restart of a dyno that there is not', async () => {
  const { code, stderr } = await run('ps:restart', '--dyno-name', 'web.7');
  expect(code).not.toBe(0);
  expect(stderr).toContain("Couldn't find that dyno.");
});

it('ps:wait', async () => {
  expect(await run('ps:wait')).toMatchObject({ code: 0 });
});

it('dyno sizes', async () => {
  const { body } = await platform.api<{ name: string }[]>('GET', '/dyno-sizes');
  expect(body.map(({ name }) => name)).toContain('Standard-1X');
  expect((await platform.api('GET', '/dyno-sizes/standard-2x')).body).toMatchObject({ name: 'Standard-2X', memory: 1 });
  expect((await platform.api('GET', '/dyno-sizes/huge')).status).toBe(404);
});
