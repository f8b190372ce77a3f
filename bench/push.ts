/**
 * `npm run bench:push`: from `git push` to the first 200 of an Express app, on an empty cache and on a warm one, beside
 * `npm ci` and the start of the same app by Node, in one run on one machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../host/free-port.ts';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { untilOk } from './support/wrk.ts';

const WARM_ROUNDS = 5;
const app = fileURLToPath(new URL('../test/apps/express', import.meta.url));

/** Milliseconds: the whole, and its parts in their order. */
interface Round {
  total: number;
  parts: Record<string, number>;
}

/** Pushes a new commit and asks until the app answers 200. */
async function push(platform: Platform, repository: Repository): Promise<Round> {
  await repository.commit('A round');
  const start = Date.now();
  const { code, stderr } = await repository.git('push', platform.remote('bench'), 'main');
  if (code !== 0) throw new Error(`The push failed:\n${stderr}\n${platform.output}`);
  const pushed = Date.now();
  await untilOk(platform.port, 'bench.localhost');
  const end = Date.now();

  const builds = await platform.newest<{ created_at: string }>('/apps/bench/builds', 'created_at');
  const receive = Date.parse(builds[0]?.created_at ?? '') - start;
  const [line = ''] = (await platform.log('bench')).match(/heroku\[build\]: Build succeeded.*/g)?.slice(-1) ?? [];
  const phases = [...line.matchAll(/(\w+)=(\d+)ms/g)].map(([, name = '', ms]) => [name, Number(ms)] as const);
  const build = phases.reduce((sum, [, ms]) => sum + ms, 0);
  return {
    total: end - start,
    parts: {
      receive,
      ...Object.fromEntries(phases),
      'release and the rest': pushed - start - receive - build,
      'first request': end - pushed,
    },
  };
}

/** `npm ci` with the cache at `cache`, then `node server.js` until its first 200. */
async function native(cache: string): Promise<Round> {
  const directory = await mkdtemp(join(tmpdir(), 'islet-bench-'));
  await cp(app, directory, { recursive: true });
  const port = await freePort();
  const start = Date.now();
  const install = spawnSync('npm', ['ci', '--cache', cache], { cwd: directory, encoding: 'utf8', timeout: 120_000 });
  if (install.status !== 0) throw new Error(`npm ci failed:\n${install.stderr}`);
  const installed = Date.now();
  const env = { ...process.env, PORT: String(port) };
  const server = spawn(process.execPath, ['server.js'], { cwd: directory, env, stdio: 'ignore' });
  await untilOk(port, 'localhost');
  const end = Date.now();
  server.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
  return { total: end - start, parts: { 'npm ci': installed - start, 'node to first request': end - installed } };
}

function median(rounds: Round[]): Round {
  const sorted = rounds.toSorted((a, b) => a.total - b.total);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error('No rounds.');
  return middle;
}

function print(title: string, { total, parts }: Round): void {
  console.log(`\n${title}: ${total} ms`);
  for (const [name, ms] of Object.entries(parts)) console.log(`  ${name.padEnd(24)} ${String(ms).padStart(6)} ms`);
}

const platform = await Platform.start();
const repository = await Repository.create(app);
const cache = await mkdtemp(join(tmpdir(), 'islet-bench-cache-'));
try {
  await platform.api('POST', '/apps', { name: 'bench' });
  const cold = { islet: await push(platform, repository), native: await native(cache) };
  const warm: Record<'islet' | 'native', Round[]> = { islet: [], native: [] };
  for (let round = 0; round < WARM_ROUNDS; round++) {
    warm.islet.push(await push(platform, repository));
    warm.native.push(await native(cache));
  }
  const middle = { islet: median(warm.islet), native: median(warm.native) };
  print('Islet, empty cache', cold.islet);
  print('npm ci + node, empty cache', cold.native);
  print(`Islet, warm cache, median of ${WARM_ROUNDS}`, middle.islet);
  print(`npm ci + node, warm cache, median of ${WARM_ROUNDS}`, middle.native);
  console.log(`\nRatio, cold: ${(cold.islet.total / cold.native.total).toFixed(2)}`);
  console.log(`Ratio, warm: ${(middle.islet.total / middle.native.total).toFixed(2)}`);
} finally {
  await repository.destroy();
  await platform.destroy();
  await rm(cache, { recursive: true, force: true });
}
