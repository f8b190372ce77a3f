/**
 * The slug: what a build leaves and an instance runs.
 *
 * One uncompressed tar archive, named by the SHA-256 of its bytes. Entries are sorted, owned by 0:0 and dated 0, so
 * the same source makes the same slug. In it, in this order:
 *
 *     manifest.json      SlugManifest, below
 *     code/<name>        modules that run: bundles, WebAssembly
 *     files/<path>       files the app reads; an instance sees them at <appRoot>/<path>
 *
 * Entries are regular files; directories come to be with the files in them.
 */
import * as z from 'zod';
import { assetsConfig } from './assets.ts';
import { workerConfig } from './worker.ts';

export { appRoot } from './app-root.ts';

/** How the bytes of a module under `code/` are handed to the isolate. */
export const moduleTypes = ['esm', 'cjs', 'wasm', 'data'] as const;

const processType = z.object({
  /** The command as a person reads it, from the Procfile or the buildpack's default: `node server.js`. */
  command: z.string().min(1),
  /** The module under `code/` that this process type starts; absent where the runtime finds its own way. */
  entry: z.string().optional(),
});

export const slugManifest = z.object({
  version: z.literal(1),
  /** The adapter that runs it: a folder of edge/runtimes/. */
  runtime: z.enum(['node', 'deno', 'worker', 'ruby', 'python', 'php', 'go']),
  /** What the API shows as `buildpack_provided_description`. */
  language: z.string(),
  /** What `config` starts from; the app's config vars win: `{ NODE_ENV: 'production' }`. */
  env: z.record(z.string(), z.string()),
  processTypes: z.record(z.string(), processType),
  /** The files that runtime `worker` serves by itself, or gives to the app's Worker. */
  assets: assetsConfig.optional(),
  /** Of runtime `worker`. */
  worker: workerConfig.optional(),
  /** Modules that many slugs have in common, such as a language's engine: by name to the SHA-256 of their bytes. */
  shared: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)).optional(),
  /** Source maps (ECMA-426) of modules under `code/`, by their path below it: SHA-256 of their bytes. */
  maps: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)).optional(),
  /**
   * What of the app's tree no instance reads, and a one-off dyno does, such as `node_modules`: SHA-256 of archives with
   * paths relative to the tree.
   */
  packages: z.array(z.string().regex(/^[0-9a-f]{64}$/)).optional(),
  /** Every module under `code/`, by its path below `code/`. */
  modules: z.record(z.string(), z.object({ type: z.enum(moduleTypes) })),
});

export type SlugManifest = z.infer<typeof slugManifest>;
export type ProcessType = z.infer<typeof processType>;
