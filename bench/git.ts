/**
 * Push and clone of the same repositories: this git server in workerd, and `git http-backend` behind Node's HTTP
 * server. Prints times, their ratios, and the peak memory of the workerd process.
 *
 *     npm run bench:git            all repositories
 *     npm run bench:git -- small   one of them
 */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startGitHost, workerdProcesses } from '../test/git-host/start.ts';
import { startHttpBackend } from './support/http-backend.ts';

const MiB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'islet-bench-git-'));

const environment = {
  PATH: process.env.PATH,
  HOME: directory,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

const git = (cwd: string, ...args: string[]): void => {
  execFileSync('git', args, { cwd, env: environment, stdio: ['ignore', 'ignore', 'inherit'], timeout: 300_000 });
};

/** A repository with one commit for each step, of the files that the step gives. */
function repository(name: string, steps: Iterable<Files>): string {
  const path = join(directory, name);
  mkdirSync(path);
  git(path, 'init', '--quiet', '--initial-branch', 'main');
  // It would pack in the background, and take away what the next command reads.
  git(path, 'config', 'gc.auto', '0');
  for (const files of steps) {
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), content ?? '');
    }
    git(path, 'add', '--all');
    git(path, 'commit', '--quiet', '--message', 'A step');
  }
  git(path, 'gc', '--quiet');
  return path;
}

const words = (count: number, seed: number): string =>
  [seed, ...Array.from({ length: count }, (_, i) => ((i + 1) * (seed + 7919)) % 9973)].join(' \n');

/** File names and what is in the files. */
type Files = Partial<Record<string, string | Uint8Array>>;

const repositories: Record<string, () => Iterable<Files>> = {
  *small() {
    for (let step = 0; step < 20; step++) {
      yield Object.fromEntries(
        Array.from({ length: step ? 5 : 100 }, (_, i) => [`src/${i % 7}/${i}.ts`, words(300, i * 31 + step)]),
      );
    }
  },
  *many() {
    for (let step = 0; step < 10; step++) {
      yield Object.fromEntries(
        Array.from({ length: 10_000 }, (_, i) => [`d${step}/${i % 50}/${i}.txt`, words(20, i * 10 + step)]),
      );
    }
  },
  *large() {
    const blob = randomBytes(50 * MiB);
    yield { 'a.bin': blob, 'b.bin': randomBytes(50 * MiB) };
    blob.fill(7, 20 * MiB, 20 * MiB + 1000);
    yield { 'a.bin': blob, 'c.bin': randomBytes(20 * MiB) };
  },
};

/** The peak memory in bytes of the workerd processes that this one has started (Linux). */
async function peakMemory(): Promise<number> {
  const peaks = (await workerdProcesses()).map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
  });
  return Math.max(0, ...peaks);
}

/** Milliseconds that a git command takes. This process serves HTTP meanwhile, so it must not wait in a call. */
async function timed(cwd: string, ...args: string[]): Promise<number> {
  const from = performance.now();
  await promisify(execFile)('git', args, { cwd, env: environment, timeout: 300_000 });
  return performance.now() - from;
}

/** The best times of some rounds: a push into an empty repository, and a clone of it. */
async function measure(path: string, remote: (round: number) => string, rounds: number) {
  const best = { push: Number.POSITIVE_INFINITY, clone: Number.POSITIVE_INFINITY };
  for (let round = 0; round < rounds; round++) {
    const url = remote(round);
    const copy = join(directory, 'clone');
    best.push = Math.min(best.push, await timed(path, 'push', '--quiet', url, 'main'));
    best.clone = Math.min(best.clone, await timed(directory, 'clone', '--quiet', '--bare', url, copy));
    rmSync(copy, { recursive: true });
  }
  return best;
}

const chosen = process.argv.slice(2);
const backendRoot = join(directory, 'backend');
mkdirSync(backendRoot);
const backend = await startHttpBackend(backendRoot);
try {
  console.log('repository    what      git   edge  ratio   peak memory of the edge');
  for (const [name, steps] of Object.entries(repositories)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const path = repository(name, steps());
    const rounds = name === 'small' ? 5 : 2;
    const native = await measure(
      path,
      (round) => {
        const bare = `${name}-${round}.git`;
        git(backendRoot, 'init', '--quiet', '--bare', '--initial-branch', 'main', bare);
        return `${backend.url}/${bare}`;
      },
      rounds,
    );
    // A process for each repository, so that each has its own peak.
    const host = await startGitHost();
    const edge = await measure(path, (round) => `${host.url}/${name}-${round}.git`, rounds);
    const peak = `${Math.round((await peakMemory()) / MiB)} MiB`;
    for (const what of ['push', 'clone'] as const) {
      const cells = [native[what].toFixed(0), edge[what].toFixed(0), (edge[what] / native[what]).toFixed(2)];
      console.log(`${name.padEnd(12)}  ${what.padEnd(6)} ${cells.map((cell) => cell.padStart(6)).join(' ')}   ${peak}`);
    }
    await host.destroy();
  }
} finally {
  backend.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
