/**
 * `npm run bench:go`: apps of net/http alone and of Gin, built in the sandbox and by the Go of this machine, and served by
 * each, in one run. The toolchain is made before, as `npm run image -- go` does, and timed by itself.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../host/free-port.ts';
import { processStat } from '../host/process-stat.ts';
import { command } from '../test/support/command.ts';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { coldStart, median, runnersMemory } from './support/dynos.ts';
import { publish, type Result } from './support/results.ts';
import { untilOk, wrk } from './support/wrk.ts';

const APPS = ['site', 'gin'];
const STARTS = 5;
const MIB = 2 ** 20;

const results: Result[] = [];
const add = (subject: string, task: string, unit: string, value: number): void => {
  results.push({ subject, task, unit, value: Math.round(value * 10) / 10 });
};

/** Milliseconds that something takes. */
async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Cold; again without a change; after a change of one line. `build` ends when the app has answered. */
async function measureBuilds(
  subject: string,
  app: string,
  source: string,
  build: (message: string) => Promise<void>,
): Promise<void> {
  add(subject, `${app}: build and start, cold`, 's', (await timed(() => build('Cold'))) / 1000);
  add(subject, `${app}: build and start, no change`, 's', (await timed(() => build('Again'))) / 1000);
  const text = readFileSync(source, 'utf8');
  writeFileSync(source, text.replace('func main() {', 'func main() {\n\tprintln("changed")'));
  add(subject, `${app}: build and start, one line`, 's', (await timed(() => build('One line'))) / 1000);
}

async function measureLoad(subject: string, app: string, port: number, args: string[]): Promise<void> {
  for (const connections of [1, 32]) {
    const measured = await wrk(port, '/', args, connections);
    for (const [unit, value] of Object.entries(measured))
      add(subject, `${app}: page, ${connections} at once`, unit, value);
  }
}

async function native(app: string): Promise<void> {
  const repository = await Repository.create(`go/${app}`);
  const caches = await mkdtemp(join(tmpdir(), 'islet-bench-go-'));
  const env = {
    ...process.env,
    GOCACHE: join(caches, 'build'),
    GOMODCACHE: join(caches, 'modules'),
    GOFLAGS: '-modcacherw',
  };
  const binary = join(repository.path, 'program');
  let server: ChildProcess | undefined;
  const port = await freePort();
  const start = async () => {
    server?.kill('SIGKILL');
    const options = { cwd: repository.path, env: { ...env, PORT: String(port) }, stdio: 'ignore' } as const;
    server = spawn(binary, app === 'site' ? ['-port', String(port)] : [], options);
    await untilOk(port, 'localhost');
  };
  try {
    await measureBuilds('native', app, join(repository.path, 'main.go'), async () => {
      execFileSync('go', ['build', '-o', binary, '.'], { cwd: repository.path, env, timeout: 600_000 });
      await start();
    });
    const starts: number[] = [];
    for (let round = 0; round < STARTS; round++) starts.push(await timed(start));
    add('native', `${app}: cold start`, 'ms', median(starts));
    await measureLoad('native', app, port, []);
    add('native', `${app}: memory after load`, 'MiB', (processStat(server?.pid ?? 0)?.memory ?? 0) / MIB);
  } finally {
    server?.kill('SIGKILL');
    await repository.destroy();
    rmSync(caches, { recursive: true, force: true });
  }
}

async function islet(platform: Platform, app: string): Promise<void> {
  const name = `bench-${app}`;
  const repository = await Repository.create(`go/${app}`);
  try {
    await platform.api('POST', '/apps', { name });
    const before = runnersMemory(platform);
    await measureBuilds('Islet', app, join(repository.path, 'main.go'), async (message) => {
      await repository.commit(message);
      const { code, stderr } = await repository.git('push', platform.remote(name), 'main');
      if (code !== 0) throw new Error(stderr);
      await untilOk(platform.port, `${name}.localhost`);
    });
    add('Islet', `${app}: cold start`, 'ms', await coldStart(platform, name, STARTS));
    await measureLoad('Islet', app, platform.port, ['-H', `Host: ${name}.localhost`]);
    add('Islet', `${app}: memory after load`, 'MiB', runnersMemory(platform) - before);
  } finally {
    await repository.destroy();
  }
}

const platform = await Platform.start({ RUNNERS: '1' });
try {
  const image = await timed(async () => {
    const { code, output } = await command('host/image.ts', ['go'], { DATA_DIR: platform.dataDir });
    if (code !== 0) throw new Error(output);
  });
  add('Islet', 'toolchain', 's', image / 1000);
  for (const app of APPS) {
    await native(app);
    await islet(platform, app);
  }
  publish('go', results);
} finally {
  await platform.destroy();
}
