/**
 * `npm run bench:build`: the build of each project of test/apps/builds by a push to a running platform, beside `npm ci`,
 * `npm run build` and `npm prune` by native Node, or the same by the package manager that the project names, in one run on
 * one machine: on an empty cache, and on a warm one.
 *
 * Time is that of the build's own phases. The processors' time and memory come from Linux's /proc (proc(5)): what the
 * processes of either side used of the ones, which says more than time where other work runs on the machine, and the most
 * of the other that they held at one moment, above what the platform holds at rest.
 */
import { execFile as execFileCallback, type SpawnOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';

const apps = fileURLToPath(new URL('../test/apps/builds', import.meta.url));
const all = [
  ...[
    'tsc',
    'express-typescript',
    'rollup',
    'esbuild',
    'webpack',
    'vite-react',
    'vite-vue-tailwind',
    'astro',
    'svelte',
  ],
  ...['postinstall', 'pnpm-workspace', 'yarn-berry', 'next', 'nest', 'react-router', 'svelte-node'],
];
const timeoutMs = 300_000;

const execFile = promisify(execFileCallback);

/** One build: milliseconds, seconds of processors, and MiB at the most. */
interface Round {
  install: number;
  build: number;
  /** The rest: for the platform bundling and storing, for npm pruning. */
  rest: number;
  processors: number;
  memory: number;
}

interface Usage {
  /** Seconds, with those of processes that have ended. */
  processors: number;
  /** Resident memory in MiB. */
  memory: number;
}

/** What a process and all below it use. */
function usage(root: number): Usage {
  const children = new Map<number, number[]>();
  const used = new Map<number, Usage>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      // The name of the program stands in parentheses and may have spaces.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ');
      const parent = Number(fields[1]);
      children.set(parent, [...(children.get(parent) ?? []), pid]);
      const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
      used.set(pid, { processors: ticks / 100, memory: (pages * 4096) / 2 ** 20 });
    } catch {
      // It has ended meanwhile.
    }
  }
  const sum = (pid: number): Usage => {
    const total = { ...(used.get(pid) ?? { processors: 0, memory: 0 }) };
    for (const child of children.get(pid) ?? []) {
      const { processors, memory } = sum(child);
      total.processors += processors;
      total.memory += memory;
    }
    return total;
  };
  return sum(root);
}

/** Runs work and finds the most that a process and those below it have used meanwhile. */
async function withPeak<Result>(pid: () => number | undefined, work: () => Promise<Result>): Promise<[Result, Usage]> {
  const peak: Usage = { processors: 0, memory: 0 };
  const look = () => {
    const root = pid();
    if (root === undefined) return;
    const { processors, memory } = usage(root);
    peak.processors = Math.max(peak.processors, processors);
    peak.memory = Math.max(peak.memory, memory);
  };
  const timer = setInterval(look, 50);
  try {
    const result = await work();
    look();
    return [result, peak];
  } finally {
    clearInterval(timer);
  }
}

async function pushed(platform: Platform, app: string, repository: Repository): Promise<Round> {
  await repository.commit('A round');
  const before = usage(platform.pid);
  const [{ code, stderr }, peak] = await withPeak(
    () => platform.pid,
    () => repository.git('push', platform.remote(app), 'main'),
  );
  if (code !== 0) throw new Error(`The push of ${app} failed:\n${stderr}`);
  const [line = ''] = (await platform.log(app)).match(/heroku\[build\]: Build succeeded.*/g)?.slice(-1) ?? [];
  const phases = Object.fromEntries(
    [...line.matchAll(/(\w+)=(\d+)ms/g)].map(([, name = '', ms]) => [name, Number(ms)]),
  );
  const { resolve = 0, install = 0, commands = 0, ...others } = phases;
  return {
    install: resolve + install,
    build: commands,
    rest: Object.values(others).reduce((sum, ms) => sum + ms, 0),
    processors: peak.processors - before.processors,
    memory: peak.memory - before.memory,
  };
}

/** What a package manager is told, beside its program. */
interface Manager {
  program: string[];
  install: string[];
  prune: string[];
  env: NodeJS.ProcessEnv;
}

/** The package manager that a project names; another than npm is taken from the registry first. */
async function managerOf(app: string, cache: string): Promise<Manager> {
  const { packageManager = 'npm' } = JSON.parse(await readFile(join(apps, app, 'package.json'), 'utf8'));
  const [name = 'npm', version] = String(packageManager).split('+')[0]?.split('@') ?? [];
  if (name === 'npm') {
    const quiet = ['--no-audit', '--no-fund', '--cache', cache];
    return { program: ['npm'], install: ['ci', ...quiet], prune: ['prune', '--omit=dev', ...quiet], env: {} };
  }
  const tools = join(cache, 'tools');
  const known = name === 'pnpm' ? 'pnpm' : '@yarnpkg/cli-dist';
  await execFile('npm', ['install', '--prefix', tools, '--no-audit', '--no-fund', `${known}@${version}`], {
    timeout: timeoutMs,
  });
  // Scripts of the project call it by its name.
  const PATH = [join(tools, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  const node = (file: string) => [process.execPath, join(tools, 'node_modules', known, file)];
  return name === 'pnpm'
    ? {
        program: node('bin/pnpm.cjs'),
        install: ['install', '--frozen-lockfile'],
        prune: ['prune', '--prod'],
        env: { npm_config_store_dir: join(cache, 'store'), CI: 'true', PATH },
      }
    : {
        program: node('bin/yarn.js'),
        install: ['install', '--immutable'],
        prune: ['workspaces', 'focus', '--all', '--production'],
        env: { YARN_GLOBAL_FOLDER: join(cache, 'yarn'), YARN_ENABLE_TELEMETRY: '0', PATH },
      };
}

async function native(app: string, cache: string): Promise<Round> {
  const { program, install, prune, env } = await managerOf(app, cache);
  const directory = await mkdtemp(join(tmpdir(), 'islet-bench-'));
  await cp(join(apps, app), directory, { recursive: true });
  const round: Round = { install: 0, build: 0, rest: 0, processors: 0, memory: 0 };
  const run = async (part: 'install' | 'build' | 'rest', args: string[], more: NodeJS.ProcessEnv = {}) => {
    const start = performance.now();
    let pid: number | undefined;
    const [output, peak] = await withPeak(
      () => pid,
      () => {
        const options: SpawnOptions = { cwd: directory, env: { ...process.env, ...env, ...more }, timeout: timeoutMs };
        const [command = 'npm', ...first] = program;
        const child = spawn(command, [...first, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
        pid = child.pid;
        let text = '';
        for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
        return new Promise<string>((resolve, reject) => {
          child.once('error', reject);
          child.once('exit', (code) =>
            code === 0 ? resolve(text) : reject(new Error(`${args.join(' ')} of ${app} failed natively:\n${text}`)),
          );
        });
      },
    );
    round[part] = performance.now() - start;
    round.processors += peak.processors;
    round.memory = Math.max(round.memory, peak.memory);
    return output;
  };
  try {
    await run('install', install);
    await run('build', ['run', 'build'], { NODE_ENV: 'production' });
    await run('rest', prune);
    return round;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const total = ({ install, build, rest }: Round): number => install + build + rest;

function print(app: string, name: string, islet: Round, node: Round): void {
  const pair = (of: (round: Round) => number, unit: (value: number) => string) =>
    `${unit(of(islet))} / ${unit(of(node))} = ${(of(islet) / of(node)).toFixed(2)}`.padEnd(24);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)}s`;
  console.log(
    app.padEnd(19),
    name.padEnd(5),
    pair(({ install }) => install, seconds),
    pair(({ build }) => build, seconds),
    pair(total, seconds),
    pair(
      ({ memory }) => memory,
      (mib) => `${Math.round(mib)}M`,
    ),
  );
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : all;
console.log(
  'Islet / native Node = ratio'.padEnd(26),
  'install'.padEnd(24),
  'build'.padEnd(24),
  'in all'.padEnd(24),
  'memory',
);
const ratios: { cold: number[]; warm: number[]; install: number[] } = { cold: [], warm: [], install: [] };
for (const app of chosen) {
  // A platform of its own, for an empty cache.
  const platform = await Platform.start();
  const repository = await Repository.create(join(apps, app));
  const cache = await mkdtemp(join(tmpdir(), 'islet-bench-cache-'));
  try {
    await platform.api('POST', '/apps', { name: app });
    const cold = { islet: await pushed(platform, app, repository), node: await native(app, cache) };
    const warm = { islet: await pushed(platform, app, repository), node: await native(app, cache) };
    print(app, 'cold', cold.islet, cold.node);
    print(app, 'warm', warm.islet, warm.node);
    ratios.cold.push(total(cold.islet) / total(cold.node));
    ratios.warm.push(total(warm.islet) / total(warm.node));
    ratios.install.push(warm.islet.install / warm.node.install);
  } catch (error) {
    console.log(app.padEnd(19), (error as Error).message.split('\n').slice(0, 3).join(' '));
  } finally {
    await repository.destroy();
    await platform.destroy();
    await rm(cache, { recursive: true, force: true });
  }
}
for (const [name, values] of Object.entries(ratios)) {
  const mean = Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
  console.log(`Geometric mean, ${name}: ${mean.toFixed(2)}`);
}
