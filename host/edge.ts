/**
 * The edge process: the edge Worker in Miniflare, with the bindings of wrangler.toml. Takes EdgeOptions as JSON in
 * EDGE_OPTIONS; says `ready` over IPC when it answers; ends when the channel closes.
 */
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { D1Database } from '@cloudflare/workers-types';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';

export interface EdgeOptions {
  port: number;
  /** The bundled Worker. */
  script: string;
  wranglerToml: string;
  /** Where D1, R2 and Durable Objects keep their data. */
  storage: string;
  /** The variables and secrets of edge/env.ts. */
  vars: Record<string, string>;
}

/** How long nothing may listen on the port: at the start, and later. Milliseconds. */
const START_MS = 60_000;
const LOST_MS = 10_000;

const options: EdgeOptions = JSON.parse(process.env.EDGE_OPTIONS ?? '');
// The rules say how wrangler would bundle; the script is bundled already.
const { modulesRules: _, ...workerOptions } = unstable_getMiniflareWorkerOptions(options.wranglerToml).workerOptions;
const miniflare = new Miniflare({
  ...convertV4MiniflareOptions({
    ...workerOptions,
    host: '127.0.0.1',
    port: options.port,
    modules: true,
    scriptPath: options.script,
    bindings: {
      ...(workerOptions.bindings ?? {}),
      ...options.vars,
      TRUSTED_HOSTS: process.env.TRUSTED_HOSTS ?? '',
    },
    serviceBindings: {
      // Where people's drains and webhooks may be: see edge/platform/internet.ts.
      INTERNET: { network: { allow: ['public'], tlsOptions: { trustBrowserCas: true } } },
      TRUSTED: { network: { allow: ['public', 'private'], tlsOptions: { trustBrowserCas: true } } },
    },
    log: new Log(LogLevel.WARN),
    cf: false,
  }),
  resourcePersistencePath: options.storage,
});

process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', async () => {
  await miniflare.dispose();
  process.exit(0);
});

endWithoutWorkerd(options.port);
await miniflare.ready;
await migrate(await miniflare.getD1Database('DB'), options.wranglerToml.replace(/[^/\\]*$/, 'schema/migrations'));
await resume();
process.send?.('ready');
resumeAnew();

/** Tells the Worker that its database is as it should be: it takes orders, and what a stop interrupted goes on. */
async function resume(): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${options.port}/internal/resume`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.vars.INTERNAL_SECRET}` },
  });
  await response.body?.cancel();
}

/** Miniflare starts a workerd that has ended again, which has to be told, too. */
function resumeAnew(): void {
  setTimeout(async () => {
    const health = { signal: AbortSignal.timeout(5_000) };
    const response = await fetch(`http://127.0.0.1:${options.port}/health`, health).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 503) await resume().catch(() => {});
    resumeAnew();
  }, 500);
}

/**
 * Ends this process, to be started anew, when nothing listens on its port any more. Miniflare starts a workerd that has
 * ended again, but one that ends while it starts stays away.
 */
function endWithoutWorkerd(port: number): void {
  let patientUntil = Date.now() + START_MS;
  setInterval(() => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      patientUntil = Date.now() + LOST_MS;
      socket.destroy();
    });
    socket.once('error', () => {
      if (Date.now() < patientUntil) return;
      console.error('Nothing listens on its port any more.');
      process.exit(1);
    });
  }, 1_000);
}

/**
 * Applies the migrations that a database has not seen, each in one transaction, and keeps their names in the table
 * that `wrangler d1 migrations apply` uses.
 */
async function migrate(db: D1Database, directory: string): Promise<void> {
  await db.exec(
    'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
  );
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  const files = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  for (const name of files) {
    if (applied.has(name)) continue;
    const statements = (await readFile(join(directory, name), 'utf8')).split('--> statement-breakpoint');
    await db.batch([
      ...statements.map((statement) => db.prepare(statement)),
      db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
    ]);
  }
}
