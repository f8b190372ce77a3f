/** Runs the git server of worker.ts in workerd, through Miniflare. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import type { Schedule } from '../../edge/git/maintenance/schedule.ts';

export interface GitHost {
  /** Where it listens, without a slash at the end. */
  url: string;
  /** Stops it, and keeps its data. */
  stop(): Promise<void>;
  /** Starts it again with its data, at another `url`. */
  restart(): Promise<void>;
  /** Ends its process as a power cut would. `restart` comes next. */
  kill(): Promise<void>;
  /** What its bucket holds: objects that were put whole, and parts of uploads, complete or not. */
  storedParts(): Promise<number>;
  /** Stops it, and deletes its data. */
  destroy(): Promise<void>;
}

/** @param schedule when repositories are tidied up, where that differs from the default */
export async function startGitHost(schedule: Partial<Schedule> = {}): Promise<GitHost> {
  const script = await bundle();
  const storage = await mkdtemp(join(tmpdir(), 'islet-git-'));
  let miniflare: Miniflare | undefined;
  const host: GitHost = {
    url: '',
    async stop() {
      await miniflare?.dispose();
      miniflare = undefined;
    },
    async restart() {
      await host.stop();
      miniflare = start(script, storage, schedule);
      host.url = (await miniflare.ready).origin.replace('localhost', '127.0.0.1');
    },
    async kill() {
      for (const pid of await workerdProcesses()) process.kill(pid, 'SIGKILL');
    },
    async storedParts() {
      const directory = join(storage, 'r2/miniflare-R2BucketObject');
      const names = await readdir(directory).catch(() => []);
      const database = names.find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
      return database ? countParts(join(directory, database)) : 0;
    },
    async destroy() {
      await host.stop();
      await rm(storage, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await host.restart();
  return host;
}

function start(script: string, storage: string, schedule: Partial<Schedule>): Miniflare {
  return new Miniflare({
    ...convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      modules: true,
      script,
      compatibilityDate: '2026-11-01',
      bindings: { SCHEDULE: { ...schedule } },
      r2Buckets: ['BUCKET'],
      durableObjects: { REPOSITORY: { className: 'Repository', useSQLite: true } },
      log: new Log(LogLevel.WARN),
      cf: false,
    }),
    resourcePersistencePath: storage,
  });
}

/** No API of R2 lists the uploads that are not complete; Miniflare has them in its database. */
function countParts(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
  try {
    const row = database
      .prepare(
        `SELECT (SELECT COUNT(*) FROM _mf_objects WHERE blob_id IS NOT NULL) +
                (SELECT COUNT(*) FROM _mf_multipart_parts) AS count`,
      )
      .get();
    return Number(row?.count);
  } finally {
    database.close();
  }
}

/** The workerd processes that this one has started (Linux). */
export async function workerdProcesses(): Promise<number[]> {
  const own: number[] = [];
  for (const pid of await readdir('/proc')) {
    // A process that has ended meanwhile has no status any more.
    const status = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '') : '';
    if (status.startsWith('Name:\tworkerd\n') && status.includes(`\nPPid:\t${process.pid}\n`)) own.push(Number(pid));
  }
  return own;
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'esnext',
    external: ['node:*', 'cloudflare:*'],
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
