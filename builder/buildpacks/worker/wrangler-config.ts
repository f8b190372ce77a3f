/** What an app says of its Worker: wrangler.json, wrangler.jsonc or wrangler.toml ("Configuration", Wrangler). */
import { readFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { type ParseError, parse as parseJson, printParseErrorCode } from 'jsonc-parser';
import { parse as parseToml } from 'smol-toml';
import * as z from 'zod';
import { assetsConfig } from '../../../schema/assets.ts';
import { cronOf } from '../../../schema/cron.ts';
import { type WorkerConfig, workerConfig } from '../../../schema/worker.ts';
import { BuildFailure } from '../../failure.ts';
import type { BuildLog } from '../../log.ts';
import { isInside } from '../../paths.ts';

const { htmlHandling, notFoundHandling } = assetsConfig.shape;

const wranglerConfig = z.looseObject({
  /** The module of the Worker, relative to the file. */
  main: z.string().optional(),
  vars: workerConfig.shape.vars,
  define: z.record(z.string(), z.string()).default({}),
  triggers: z.object({ crons: z.array(z.string()).default([]) }).optional(),
  assets: z
    .object({
      directory: z.string().optional(),
      binding: z.string().optional(),
      html_handling: htmlHandling,
      not_found_handling: notFoundHandling,
      run_worker_first: z.union([z.boolean(), z.array(z.string())]).default(false),
    })
    .optional(),
});

export interface WranglerConfig extends z.infer<typeof wranglerConfig> {
  /** Its path in the tree. */
  file: string;
}

const FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'];

/** Where a framework's build says that it has written another: `{ "configPath": "../../dist/wrangler.json" }`. */
const REDIRECT = '.wrangler/deploy/config.json';

/**
 * Reads an app's configuration of wrangler.
 *
 * @returns undefined when there is none, or when it names neither a Worker nor static files
 * @throws BuildFailure when it cannot be read
 */
export async function readWranglerConfig(tree: string): Promise<WranglerConfig | undefined> {
  const redirect = await read(tree, REDIRECT);
  const { configPath } = redirect === undefined ? {} : z.object({ configPath: z.string() }).parse(redirect);
  const places = configPath === undefined ? FILES : [posix.join(dirname(REDIRECT), configPath)];
  for (const file of places) {
    const value = await read(tree, file);
    if (value === undefined) continue;
    const parsed = wranglerConfig.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new BuildFailure(`${file} is wrong at ${issue?.path.join('.') || 'its root'}: ${issue?.message}.`);
    }
    const { main, assets } = parsed.data;
    return main === undefined && assets?.directory === undefined ? undefined : { ...parsed.data, file };
  }
  return undefined;
}

async function read(tree: string, file: string): Promise<unknown> {
  if (!isInside(tree, join(tree, file))) throw new BuildFailure(`${file} is outside of the app.`);
  const text = await readFile(join(tree, file), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return file.endsWith('.toml') ? parseToml(text) : parseJsonc(text);
  } catch (error) {
    throw new BuildFailure(`${file} cannot be read.`, {
      details: [error instanceof Error ? error.message : String(error)],
    });
  }
}

function parseJsonc(text: string): unknown {
  const errors: ParseError[] = [];
  const value = parseJson(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (!error) return value;
  const line = text.slice(0, error.offset).split('\n').length;
  throw new Error(`${printParseErrorCode(error.error)} in line ${line}`);
}

/** What a Worker may have on Cloudflare and has not here, by the key of the configuration. */
const ABSENT: Record<string, string> = {
  kv_namespaces: 'KV namespaces',
  d1_databases: 'D1 databases',
  r2_buckets: 'R2 buckets',
  durable_objects: 'Durable Objects',
  queues: 'queues',
  services: 'service bindings',
  hyperdrive: 'Hyperdrive',
  vectorize: 'Vectorize',
  workflows: 'Workflows',
  ai: 'Workers AI',
  browser: 'browser rendering',
  images: 'Images',
  analytics_engine_datasets: 'Analytics Engine',
  send_email: 'email',
  containers: 'containers',
};

/** Names what the Worker will not find. */
export function reportAbsent(config: WranglerConfig, log: BuildLog): void {
  const asked = Object.entries(ABSENT).filter(([key]) => key in config);
  for (const [key, name] of asked) log.warn(`${config.file}: ${key} has no effect: Islet has no ${name}.`);
}

/** The variables of the configuration, as the Worker finds them in its `env` where no config var has the name. */
export function varsOf({ vars }: WranglerConfig): { strings: Record<string, string>; others: WorkerConfig['vars'] } {
  const strings: Record<string, string> = {};
  const others: WorkerConfig['vars'] = {};
  for (const [name, value] of Object.entries(vars)) {
    if (typeof value === 'string') strings[name] = value;
    else others[name] = value;
  }
  return { strings, others };
}

/**
 * The cron triggers of the configuration.
 *
 * @throws BuildFailure when one is none
 */
export function cronsOf({ file, triggers }: WranglerConfig): string[] {
  const crons = triggers?.crons ?? [];
  for (const cron of crons) {
    try {
      cronOf(cron);
    } catch (cause) {
      throw new BuildFailure(`${file}: triggers.crons has ${JSON.stringify(cron)}, which is no cron expression.`, {
        details: [cause instanceof Error ? cause.message : String(cause)],
        help: ['Write five fields: minute, hour, day of the month, month, day of the week.'],
        cause,
      });
    }
  }
  return crons;
}
