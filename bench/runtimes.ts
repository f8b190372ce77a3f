/**
 * `npm run bench:runtimes`: for each runtime an app without a framework and one with, on Islet and, where this machine has
 * what it takes, as a process of its own, in one run. Ruby and PHP need what their tests need.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { freePort } from '../host/free-port.ts';
import { processStat } from '../host/process-stat.ts';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { type App, runtimeApps } from './support/apps.ts';
import { coldStart, median, runnersMemory } from './support/dynos.ts';
import { publish, type Result } from './support/results.ts';
import { untilOk, wrk } from './support/wrk.ts';

const STARTS = 5;
const MIB = 2 ** 20;

const { apps, settings, stop } = await runtimeApps();

const results: Result[] = [];
const add = (subject: string, task: string, unit: string, value: number): void => {
  results.push({ subject, task, unit, value: Math.round(value * 10) / 10 });
};

async function measureLoad(subject: string, name: string, port: number, args: string[]): Promise<void> {
  for (const connections of [1, 32]) {
    const measured = await wrk(port, '/', args, connections);
    for (const [unit, value] of Object.entries(measured)) add(subject, `${name}: ${connections} at once`, unit, value);
  }
}

async function onIslet(name: string, { source }: App): Promise<void> {
  const platform = await Platform.start({ RUNNERS: '1', ...settings });
  const repository = await Repository.create(source);
  try {
    await platform.api('POST', '/apps', { name: 'bench' });
    const before = runnersMemory(platform);
    const { code, stderr } = await repository.git('push', platform.remote('bench'), 'main');
    if (code !== 0) throw new Error(stderr);
    await untilOk(platform.port, 'bench.localhost');
    add('Islet', `${name}: memory of an instance`, 'MiB', runnersMemory(platform) - before);
    add('Islet', `${name}: cold start`, 'ms', await coldStart(platform, 'bench', STARTS));
    await measureLoad('Islet', name, platform.port, ['-H', 'Host: bench.localhost']);
  } finally {
    await repository.destroy();
    await platform.destroy();
  }
}

async function natively(name: string, { source, command, prepare }: App): Promise<void> {
  if (!command) return;
  const repository = await Repository.create(source);
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const [program = '', ...args] = command.map((word) => word.replace('$PORT', String(port)));
  let server: ChildProcess | undefined;
  const start = async (): Promise<number> => {
    server?.kill('SIGKILL');
    const begun = performance.now();
    server = spawn(program, args, { cwd: repository.path, env, stdio: 'ignore' });
    await untilOk(port, '127.0.0.1');
    return performance.now() - begun;
  };
  try {
    const [tool = '', ...rest] = prepare ?? ['true'];
    const made = spawnSync(tool, rest, { cwd: repository.path, env, timeout: 300_000 });
    if (made.status !== 0) throw new Error(`${prepare?.join(' ')}: ${made.stderr}`);
    const times: number[] = [];
    for (let round = 0; round < STARTS; round++) times.push(await start());
    add('native', `${name}: memory of an instance`, 'MiB', (processStat(server?.pid ?? 0)?.memory ?? 0) / MIB);
    add('native', `${name}: cold start`, 'ms', median(times));
    await measureLoad('native', name, port, []);
  } finally {
    server?.kill('SIGKILL');
    await repository.destroy();
  }
}

try {
  for (const [name, app] of Object.entries(apps)) {
    await onIslet(name, app);
    await natively(name, app);
  }
  publish('runtimes', results);
} finally {
  await stop();
}
