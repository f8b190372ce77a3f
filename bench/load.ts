/**
 * `npm run bench:load`: many apps on one machine. So many pushes at once, then a thousand apps deployed, then two hundred
 * of them asked at once, each again and again. Any failure ends it.
 *
 *     PUSHES=50 APPS=1000 ACTIVE=200 npm run bench:load
 */
import { randomBytes } from 'node:crypto';
import { processStat } from '../host/process-stat.ts';
import { Platform } from '../test/support/platform.ts';
import { descendants } from '../test/support/processes.ts';
import { Repository } from '../test/support/repository.ts';
import { publish, type Result } from './support/results.ts';

const PUSHES = Number(process.env.PUSHES ?? 50);
const APPS = Number(process.env.APPS ?? 1_000);
const ACTIVE = Number(process.env.ACTIVE ?? 200);

/** Requests to each of the active apps. */
const ROUNDS = 20;
const MIB = 2 ** 20;

const results: Result[] = [];
const record = (task: string, value: number, unit: string) =>
  results.push({ task, subject: 'Islet', value: Math.round(value), unit });

/** Resident memory of the processes of a platform whose command line has `part`. MiB. */
const memory = (platform: Platform, part = ''): number =>
  descendants(platform.pid)
    .filter(({ command }) => command.includes(part))
    .reduce((sum, { pid }) => sum + (processStat(pid)?.memory ?? 0), 0) / MIB;

/** Does `work` for every item, `width` at a time. */
async function each<T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}

async function create(platform: Platform, name: string): Promise<void> {
  const { status, body } = await platform.api('POST', '/apps', { name });
  if (status !== 201) throw new Error(`The app ${name} was refused with ${status}: ${JSON.stringify(body)}`);
}

async function answers(platform: Platform, name: string): Promise<number> {
  const began = performance.now();
  const { status } = await platform.app(name);
  if (status !== 200) throw new Error(`${name} answered ${status}.`);
  return performance.now() - began;
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Every push has a commit of its own, so that none is spared its build. */
async function pushAtOnce(platform: Platform, names: string[]): Promise<void> {
  const repositories = await Promise.all(
    names.map((name) =>
      Repository.create({
        'package.json': '{"name":"load","scripts":{"start":"node server.js"}}',
        'server.js': `require('node:http').createServer((_, res) => res.end('${name}')).listen(process.env.PORT);\n`,
        'data.bin': randomBytes(10_000).toString('base64'),
      }),
    ),
  );
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, memory(platform));
  }, 500);
  try {
    await each(names, 10, (name) => create(platform, name));
    const began = performance.now();
    const times = await Promise.all(
      repositories.map(async (repository, i) => {
        const { code, stderr } = await repository.git('push', platform.remote(names[i] ?? ''), 'main');
        if (code !== 0) throw new Error(`The push to ${names[i]} failed:\n${stderr}`);
        return performance.now() - began;
      }),
    );
    for (const name of names) {
      const { text } = await platform.app(name);
      if (text !== name) throw new Error(`${name} answered: ${text.slice(0, 200)}`);
    }
    const task = `${names.length} pushes at once`;
    record(`${task}: the first live`, Math.min(...times), 'ms');
    record(`${task}: the last live`, Math.max(...times), 'ms');
    record(`${task}: all processes, at most`, most, 'MiB');
  } finally {
    clearInterval(watch);
    await Promise.all(repositories.map((repository) => repository.destroy()));
  }
}

/** Deploys the slug of `source` to an app: a release of its own, with config vars of its own. */
async function deploy(platform: Platform, slug: string, name: string): Promise<void> {
  await create(platform, name);
  const { status, body } = await platform.api('POST', `/apps/${name}/releases`, { slug });
  if (status !== 201) throw new Error(`The release of ${name} was refused with ${status}: ${JSON.stringify(body)}`);
}

const platform = await Platform.start();
try {
  const empty = memory(platform, 'runner.capnp');
  const pushed = Array.from({ length: PUSHES }, (_, i) => `pushed-${i}`);
  await pushAtOnce(platform, pushed);

  const [release] = await platform.newest<{ slug: { id: string } }>('/apps/pushed-0/releases', 'version');
  const copies = Array.from({ length: Math.max(0, APPS - PUSHES) }, (_, i) => `copy-${i}`);
  const began = performance.now();
  await each(copies, 8, (name) => deploy(platform, release?.slug.id ?? '', name));
  record(`${copies.length} apps more, of one slug`, performance.now() - began, 'ms');

  const active = [...pushed, ...copies].slice(0, ACTIVE);
  const first: number[] = [];
  await each(active, 16, async (name) => void first.push(await answers(platform, name)));
  const later: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(active.map(async (name) => void later.push(await answers(platform, name))));
  }
  const task = `${active.length} of ${APPS} apps active`;
  record(`${task}: first answer, p50`, percentile(first, 0.5), 'ms');
  record(`${task}: first answer, p99`, percentile(first, 0.99), 'ms');
  record(`${task}: all asked at once, p50`, percentile(later, 0.5), 'ms');
  record(`${task}: all asked at once, p99`, percentile(later, 0.99), 'ms');
  record(`${task}: runners`, memory(platform, 'runner.capnp'), 'MiB');
  record('runners without apps', empty, 'MiB');
  record(`${task}: all processes`, memory(platform), 'MiB');
  publish('load', results);
} finally {
  await platform.destroy();
}
