/**
 * Parts are killed at random moments while people push, set config vars, read logs and visit an app. Afterwards all that
 * anybody was told is done is there. `CHAOS_SECONDS` makes it longer, `CHAOS_SEED` repeats one.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 30);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

/** What is killed, by a part of its command line; the supervisor takes all others with it. */
const VICTIMS = ['host/edge.ts', 'workerd serve', 'builder/main.ts', 'runner.capnp', 'runner.capnp', 'supervisor'];

let platform: Platform;
let repository: Repository;
/** Takes what a log drain and a webhook send. */
let receiver: Server;
const received = { drained: '', released: new Set<string>() };
let settings: Record<string, string>;

/** What clients were told is done; `lines` are the request ids in the log lines that they have read. */
const told = { vars: new Map<string, string>(), commits: [] as string[], app: -1, lines: new Set<string>() };
const counts = { kills: 0, pushes: 0, changes: 0, visits: 0, logs: 0, refused: 0 };

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

const server = (version: number) =>
  `require('node:http').createServer((_, res) => res.end('${version}')).listen(process.env.PORT);\n`;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    if (request.url === '/drain') received.drained += text;
    else received.released.add(JSON.parse(text).data.description);
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const at = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  settings = { TRUSTED_HOSTS: at };
  platform = await Platform.start(settings);
  repository = await Repository.create({
    'package.json': '{"name":"chaos","scripts":{"start":"node server.js"}}',
    'server.js': server(0),
  });
  await platform.api('POST', '/apps', { name: 'chaos' });
  const drain = await platform.api('POST', '/apps/chaos/log-drains', { url: `http://${at}/drain` });
  const webhook = { include: ['api:release'], level: 'sync', url: `http://${at}/webhook` };
  const hook = await platform.api('POST', '/apps/chaos/webhooks', webhook);
  expect([drain.status, hook.status]).toEqual([201, 201]);
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
  receiver?.close();
});

it(`loses nothing that anybody was told is done (seed ${SEED})`, { timeout: (SECONDS + 480) * 1000 }, async () => {
  const random = randomFrom(SEED);
  const key = platform.apiKey;
  let going = true;

  /** Does something again and again; what fails while parts are down may or may not have happened. */
  const keep = async (pause: number, work: (turn: number) => Promise<void>) => {
    for (let turn = 1; going; turn++) {
      await work(turn).catch(() => {
        counts.refused += 1;
      });
      await delay(pause);
    }
  };
  const remote = `http://islet:${key}@localhost:${platform.port}/chaos.git`;
  const clients = [
    keep(100, async (version) => {
      await repository.write({ 'server.js': server(version) });
      const commit = await repository.commit(`Version ${version}`);
      const { code } = await repository.git('push', remote, 'main');
      if (code !== 0) throw new Error('The push was refused.');
      counts.pushes += 1;
      told.commits.push(commit);
      told.app = version;
    }),
    keep(50, async (turn) => {
      const { status } = await platform.api('PATCH', '/apps/chaos/config-vars', { [`VAR_${turn}`]: `${turn}` });
      if (status !== 200) throw new Error(`It answered ${status}.`);
      counts.changes += 1;
      told.vars.set(`VAR_${turn}`, `${turn}`);
    }),
    keep(500, async () => {
      const log = await platform.log('chaos');
      for (const [, id = ''] of log.matchAll(/request_id=(\S+)/g)) told.lines.add(id);
      counts.logs += 1;
    }),
    keep(20, async () => {
      const { status } = await platform.app('chaos');
      if (status === 200) counts.visits += 1;
    }),
  ];

  const end = Date.now() + SECONDS * 1000;
  while (Date.now() < end) {
    await delay(300 + random() * 3_000);
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? '';
    counts.kills += 1;
    if (victim === 'supervisor') {
      await platform.stop('SIGKILL');
      await platform.start(settings);
      continue;
    }
    const candidates = descendants(platform.pid).filter(({ command }) => command.includes(victim));
    const chosen = candidates[Math.floor(random() * candidates.length)];
    if (chosen) process.kill(chosen.pid, 'SIGKILL');
  }
  going = false;
  await Promise.all(clients);
  console.log(`seed ${SEED}: ${JSON.stringify(counts)}`);
  expect(counts.pushes).toBeGreaterThan(0);
  expect(counts.changes).toBeGreaterThan(0);

  await expect
    .poll(() => platform.api('GET', '/apps/chaos').then(({ status }) => status, String), { timeout: 60_000 })
    .toBe(200);
  const { body: vars } = await platform.api<Record<string, string>>('GET', '/apps/chaos/config-vars');
  expect(vars).toMatchObject(Object.fromEntries(told.vars));

  // Builds that were accepted go on by themselves.
  type Build = { status: string; source_blob: { version: string } };
  const builds = () => platform.newest<Build>('/apps/chaos/builds', 'created_at');
  await expect
    .poll(async () => (await builds()).filter(({ status }) => status === 'pending').length, { timeout: 120_000 })
    .toBe(0);
  const succeeded = (await builds()).filter(({ status }) => status === 'succeeded');
  // A list is of the newest 200.
  for (const commit of told.commits.slice(-100)) {
    expect(succeeded.map(({ source_blob }) => source_blob.version)).toContain(commit);
  }
  const clone = join(repository.path, '.git', 'clone');
  const cloned = await repository.git('clone', '--quiet', remote, clone);
  expect(cloned, cloned.stderr).toMatchObject({ code: 0 });
  expect((await repository.git('-C', clone, 'fsck', '--strict')).code).toBe(0);
  const tip = (await repository.git('-C', clone, 'rev-parse', 'HEAD')).stdout.trim();
  expect((await repository.git('merge-base', '--is-ancestor', told.commits.at(-1) ?? '', tip)).code).toBe(0);

  const releases = await platform.newest<{ version: number }>('/apps/chaos/releases', 'version');
  const versions = releases.map(({ version }) => version);
  const [newest = 0] = versions;
  expect(versions).toEqual(versions.map((_, i) => newest - i));

  // Receivers hear of every change and line that was told, later perhaps, or twice.
  expect(told.lines.size).toBeGreaterThan(0);
  const undrained = () => [...told.lines].filter((id) => !received.drained.includes(id));
  await expect.poll(undrained, { timeout: 120_000, interval: 1_000 }).toEqual([]);
  const changes = [
    ...told.commits.map((commit) => `Deploy ${commit.slice(0, 8)}`),
    ...[...told.vars.keys()].map((name) => `Set ${name} config vars`),
  ];
  const unheard = () => changes.filter((change) => !received.released.has(change));
  await expect.poll(unheard, { timeout: 120_000, interval: 1_000 }).toEqual([]);

  await expect
    .poll(async () => Number((await platform.app('chaos')).text), { timeout: 60_000 })
    .toBeGreaterThanOrEqual(told.app);
  // And the platform takes orders as before.
  await repository.write({ 'server.js': server(1_000_000) });
  await repository.commit('The last version');
  const last = await repository.git('push', '--force', remote, 'main');
  expect(last, last.stderr).toMatchObject({ code: 0 });
  await expect.poll(async () => (await platform.app('chaos')).text, { timeout: 30_000 }).toBe('1000000');
});
