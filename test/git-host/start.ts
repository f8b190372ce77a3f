/** Runs the git server of worker.ts in workerd, through Miniflare. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  /** How many files its bucket holds on the disk: whole objects, and parts of uploads that are not complete. */
  storedFiles(): Promise<number>;
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
    async storedFiles() {
      const files = await readdir(storage, { recursive: true, withFileTypes: true });
      return files.filter((file) => file.isFile() && file.parentPath.endsWith('/blobs')).length;
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
