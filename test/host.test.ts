/** `npm start` itself: what it says, what it survives, what it leaves behind. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { alive, descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';
import { request } from './support/request.ts';

describe('a start that cannot be', () => {
  it('names the port that is in use', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen({ host: '127.0.0.1', port: 0 }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    await expect(Platform.start({ PORT: String(port) })).rejects.toThrow(
      `Islet cannot start. Port ${port} is in use on 127.0.0.1. Stop what uses it, or set PORT to another.`,
    );
    server.close();
  });

  it('names a data directory that cannot be written', async () => {
    const file = join(import.meta.dirname, 'host.test.ts', 'data');
    await expect(Platform.start({ DATA_DIR: file })).rejects.toThrow(`DATA_DIR ${file} cannot be written: ENOTDIR`);
  });

  it('names a setting that will not do', async () => {
    await expect(Platform.start({ RUNNERS: 'many' })).rejects.toThrow('RUNNERS is "many"');
  });
});

describe('a platform that runs', () => {
  let platform: Platform;
  let repository: Repository;

  beforeAll(async () => {
    platform = await Platform.start();
    repository = await Repository.create({
      'package.json': '{"name":"hello","version":"1.0.0"}',
      'server.js': "require('node:http').createServer((_, res) => res.end('hello\\n')).listen(process.env.PORT);\n",
    });
    await platform.api('POST', '/apps', { name: 'hello' });
    await repository.git('push', platform.remote('hello'), 'main');
  });

  afterAll(async () => {
    await platform?.destroy();
    await repository?.destroy();
  });

  it('says where it is, the key, and what to type next', () => {
    expect(platform.output).toContain(`URL       http://localhost:${platform.port}`);
    expect(platform.output).toContain('git push islet main');
    expect(platform.apiKey).toMatch(/^[\w-]{32}$/);
    // And nothing else: what a part says of itself on its first start is no news to anybody.
    expect(platform.output).not.toMatch(/^\w+ \| /m);
  });

  it('refuses a second platform on the same data', async () => {
    await expect(Platform.start({ DATA_DIR: platform.dataDir })).rejects.toThrow(
      `Another Islet (process ${platform.pid}) runs on DATA_DIR ${platform.dataDir}`,
    );
  });

  it.each(['host/edge.ts', '--socket-addr=entry', 'builder/main.ts', 'runner.capnp', 'runner.capnp'])(
    'goes on when %s is killed',
    async (part) => {
      const [victim] = descendants(platform.pid).filter(({ command }) => command.includes(part));
      expect(victim).toBeDefined();
      if (victim) process.kill(victim.pid, 'SIGKILL');
      await expect
        .poll(() => platform.app('hello').then(({ text }) => text, String), { timeout: 20_000, interval: 200 })
        .toBe('hello\n');
      await repository.commit(`After ${part}`);
      await expect
        .poll(async () => (await repository.git('push', platform.remote('hello'), 'main')).code, {
          timeout: 60_000,
          interval: 500,
        })
        .toBe(0);
    },
  );

  it('leaves no process behind when it is stopped, nor when it is killed', async () => {
    const running = descendants(platform.pid);
    expect(running.length).toBeGreaterThan(4);
    expect(await platform.stop('SIGINT')).toBe(0);
    expect(alive(running)).toEqual([]);

    await platform.start();
    expect((await platform.app('hello')).text).toBe('hello\n');
    const again = descendants(platform.pid);
    await platform.stop('SIGKILL');
    await expect.poll(() => alive(again), { timeout: 10_000 }).toEqual([]);

    await platform.start();
    expect((await platform.app('hello')).text).toBe('hello\n');
  });

  it('keeps its secrets out of the command lines and config files of its processes', () => {
    const processes = descendants(platform.pid);
    const commands = processes.map(({ command }) => command).join('\n');
    expect(commands).not.toContain(platform.apiKey);
    const run = join(platform.dataDir, 'run');
    for (const entry of readdirSync(run, { withFileTypes: true })) {
      if (entry.isFile()) expect(readFileSync(join(run, entry.name), 'utf8')).not.toContain(platform.apiKey);
    }
  });

  it('forgets a lock that a dead platform left', async () => {
    await platform.stop();
    writeFileSync(join(platform.dataDir, 'islet.pid'), '999999');
    await platform.start();
    expect((await platform.app('hello')).status).toBe(200);
  });

  it('says that it is healthy only when it takes orders', async () => {
    const { apiKey } = platform;
    await platform.stop();
    // With an empty database, whose tables are yet to be made.
    rmSync(join(platform.dataDir, 'storage'), { recursive: true });
    const started = platform.start();
    const get = (path: string) =>
      request(platform.port, 'localhost', path, { headers: { authorization: `Bearer ${apiKey}` } });
    await expect
      .poll(() => get('/health').then(({ status }) => status, String), { timeout: 60_000, interval: 1 })
      .toBe(200);
    expect((await get('/apps')).text).toBe('[]');
    await started;
  });
});
