/** `npm run backup` of a platform that people use, and `npm run restore` of it as another one. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command } from './support/command.ts';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let restored: Platform | undefined;
let repository: Repository;
let archive: string;

const server = (text: string) =>
  `require('node:http').createServer((_, res) => res.end(${JSON.stringify(text)} + process.env.COUNT)).listen(process.env.PORT);\n`;

const restore = (file: string, dataDir: string) => command('host/restore.ts', [file], { DATA_DIR: dataDir });

beforeAll(async () => {
  platform = await Platform.start();
  archive = `${platform.dataDir}.tar.gz`;
  repository = await Repository.create({
    'package.json': '{"name":"kept","scripts":{"start":"node server.js"}}',
    'server.js': server('v0 '),
  });
  await platform.api('POST', '/apps', { name: 'kept' });
  await platform.api('PATCH', '/apps/kept/config-vars', { COUNT: '0' });
  await repository.git('push', platform.remote('kept'), 'main');
});

afterAll(async () => {
  await platform?.destroy();
  await restored?.destroy();
  await repository?.destroy();
  await rm(archive, { force: true });
});

it('is made while people push and set config vars, and has all that they were told is done', async () => {
  let told = { count: 0, commit: (await repository.git('rev-parse', 'HEAD')).stdout.trim(), version: 0 };
  let going = true;
  const changes = (async () => {
    for (let count = 1; going; count++) {
      const { status } = await platform.api('PATCH', '/apps/kept/config-vars', { COUNT: String(count) });
      if (status === 200) told = { ...told, count };
    }
  })();
  const pushes = (async () => {
    for (let version = 1; going; version++) {
      await repository.write({ 'server.js': server(`v${version} `) });
      const commit = await repository.commit(`Version ${version}`);
      const { code } = await repository.git('push', platform.remote('kept'), 'main');
      if (code === 0) told = { ...told, commit, version };
    }
  })();
  await expect.poll(() => told.version, { timeout: 60_000 }).toBeGreaterThan(0);

  const before = told;
  const { code, output } = await command('host/backup.ts', [archive], { DATA_DIR: platform.dataDir });
  going = false;
  await Promise.all([changes, pushes]);
  expect(output).toMatch(/files, [\d.]+ MiB; the control plane waited \d+ ms\.\nIt holds the keys/);
  expect(code).toBe(0);
  expect((await stat(archive)).mode & 0o077).toBe(0);
  const { body } = await platform.api<{ COUNT: string }>('GET', '/apps/kept/config-vars');
  expect(Number(body.COUNT)).toBeGreaterThan(before.count);

  const dataDir = `${platform.dataDir}-restored`;
  expect(await restore(archive, dataDir)).toMatchObject({ code: 0 });
  restored = await Platform.on(dataDir);
  const config = (await restored.api<{ COUNT: string }>('GET', '/apps/kept/config-vars')).body;
  expect(Number(config.COUNT)).toBeGreaterThanOrEqual(before.count);
  const { stdout } = await repository.git('ls-remote', restored.remote('kept'), 'refs/heads/main');
  const [tip = ''] = stdout.split('\t');
  expect((await repository.git('merge-base', '--is-ancestor', before.commit, tip)).code).toBe(0);
  const clone = join(repository.path, '.git', 'clone');
  expect((await repository.git('clone', '--quiet', restored.remote('kept'), clone)).stderr).toBe('');
  await expect
    .poll(async () => Number(/^v(\d+) \d+$/.exec((await restored?.app('kept'))?.text ?? '')?.[1] ?? -1), {
      timeout: 60_000,
    })
    .toBeGreaterThanOrEqual(before.version);
  // And it goes on from there.
  await repository.write({ 'server.js': server('after ') });
  await repository.commit('After the restore');
  const push = await repository.git('push', '--force', restored.remote('kept'), 'main');
  expect(push, push.stderr).toMatchObject({ code: 0 });
  expect((await restored.app('kept')).text).toMatch(/^after /);
});

it('never takes the place of a platform, and says so', async () => {
  expect(await restore(archive, platform.dataDir)).toEqual({
    code: 1,
    output: `A platform (process ${platform.pid}) runs on DATA_DIR ${platform.dataDir}. Set DATA_DIR to a new directory.\n`,
  });
  await restored?.stop();
  expect((await restore(archive, restored?.dataDir ?? '')).output).toContain(
    'is not empty, and nothing is overwritten',
  );
  const again = await command('host/backup.ts', [archive], { DATA_DIR: platform.dataDir });
  expect(again.output).toContain('is there already. Name another file.');
});

it('is refused when it is damaged, cut short, or something else, and leaves nothing', async () => {
  const bytes = await readFile(archive);
  const damaged = Buffer.from(bytes);
  damaged.fill(0x55, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 64);
  const dataDir = `${platform.dataDir}-never`;
  const broken = `${archive}.broken`;
  for (const [content, message] of [
    [damaged, 'cannot be read'],
    [bytes.subarray(0, bytes.length - 2_000), 'cannot be read'],
    [Buffer.from('not an archive'), 'cannot be read'],
  ] as const) {
    await writeFile(broken, content);
    const { code, output } = await restore(broken, dataDir);
    expect(output).toMatch(new RegExp(`${message}|is damaged|is not whole`));
    expect(code).toBe(1);
    await expect(stat(dataDir)).rejects.toThrow('ENOENT');
  }
  await rm(broken);
});
