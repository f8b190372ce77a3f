/** Runs the git server of worker.ts in workerd, through Miniflare. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';

export interface GitHost {
  /** Where it listens, without a slash at the end. */
  url: string;
  /** Stops it, and keeps its data. */
  stop(): Promise<void>;
  /** Starts it again with its data, at another `url`. */
  restart(): Promise<void>;
  /** Stops it, and deletes its data. */
  destroy(): Promise<void>;
}

export async function startGitHost(): Promise<GitHost> {
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
      miniflare = start(script, storage);
      host.url = (await miniflare.ready).origin.replace('localhost', '127.0.0.1');
    },
    async destroy() {
      await host.stop();
      await rm(storage, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await host.restart();
  return host;
}

function start(script: string, storage: string): Miniflare {
  return new Miniflare({
    ...convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      modules: true,
      script,
      compatibilityDate: '2026-11-01',
      r2Buckets: ['BUCKET'],
      durableObjects: { REPOSITORY: { className: 'Repository', useSQLite: true } },
      log: new Log(LogLevel.WARN),
      cf: false,
    }),
    resourcePersistencePath: storage,
  });
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
