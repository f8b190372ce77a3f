/** What the dynamic Workers of all runtimes have in common. */
import { appRoot } from '../../schema/app-root.ts';
import type { KnownCode } from './instance-protocol.ts';
import type { RuntimeOptions } from './runtime.ts';
import type { Slug } from './slug.ts';

const decoder = new TextDecoder();

/** The port an app is told to listen on. Nothing else is in its isolate, so every app can have the same. */
const PORT = '5000';

/**
 * A dynamic Worker of a slug: its modules below `code/`, those that it shares with other slugs below `shared/`, and in
 * its environment the config vars and what the buildpack has set.
 *
 * @param adapter the module whose Durable Object class `App` is one process of the app, bundled
 */
export function composeWorker(
  adapter: string,
  slug: Slug,
  { config, dyno, outbound, version }: RuntimeOptions,
): WorkerLoaderWorkerCode {
  const modules: WorkerLoaderWorkerCode['modules'] = { 'adapter.js': { js: adapter } };
  for (const [name, bytes] of slug.code) {
    const type = slug.manifest.modules[name]?.type;
    if (type === 'wasm') modules[`code/${name}`] = { wasm: bytes };
    else if (type === 'data') modules[`code/${name}`] = { data: bytes.slice().buffer };
    else modules[`code/${name}`] = { [type === 'esm' ? 'js' : 'cjs']: decoder.decode(bytes) };
  }
  for (const [name, bytes] of slug.shared) {
    modules[`shared/${name}`] = sharedModule(name, bytes);
  }
  return {
    compatibilityDate: '2026-11-01',
    mainModule: 'adapter.js',
    modules,
    env: { ...slug.manifest.env, ...config, DYNO: dyno, HEROKU_RELEASE_VERSION: `v${version}` },
    globalOutbound: outbound,
  };
}

function sharedModule(name: string, bytes: Uint8Array<ArrayBuffer>): WorkerLoaderModule | string {
  if (name.endsWith('.wasm')) return { wasm: bytes };
  return name.endsWith('.mjs') ? { js: decoder.decode(bytes) } : { data: bytes.buffer };
}

/** The same for an app that is a Unix process, with a home and a port. */
export function composeProcess(adapter: string, slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode {
  const code = composeWorker(adapter, slug, options);
  return { ...code, env: { HOME: appRoot, ...(code.env as object), PORT } };
}

/**
 * The same for one that makes functions of text while it serves, as templates are compiled: where RuntimeOptions say that
 * it may not, the adapter makes those that are known before it serves (node/adapter/generated.ts).
 */
export function composeEvaluating(adapter: string, slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode {
  const { generated, learns } = options;
  const code = composeProcess(adapter, slug, options);
  const known: KnownCode = { codes: generated, learns };
  code.modules['generated.json'] = { json: known };
  return { ...code, ...evaluation(options) };
}

/** Lets a Worker compile code while it serves, where RuntimeOptions say that it may. */
export const evaluation = ({ evaluates }: RuntimeOptions): Partial<WorkerLoaderWorkerCode> =>
  evaluates
    ? { compatibilityFlags: ['experimental', 'allow_insecure_inefficient_logged_eval'], allowExperimental: true }
    : {};
