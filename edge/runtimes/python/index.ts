/**
 * The Python runtime: turns a slug whose manifest says `runtime: 'python'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - among the shared modules `python.wasm` (CPython as Pyodide builds it) and `stdlib.zip` (its standard library)
 * - a process type's `entry`, a module below `code/` of type `esm` that exports what to start: start.ts
 * - the app's whole tree below `files/`, with its packages in `.heroku/python/lib/python3.14/site-packages`
 */
import { appRoot } from '../../../schema/app-root.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

const decoder = new TextDecoder();

/** The dynamic Worker for one process of a slug. Its Durable Object class `App` is the process. */
export function workerCode(
  slug: Slug,
  { config, dyno, evaluates, outbound, version }: RuntimeOptions,
): WorkerLoaderWorkerCode {
  const modules: WorkerLoaderWorkerCode['modules'] = { 'adapter.js': { js: adapter } };
  for (const [name, bytes] of slug.code) modules[`code/${name}`] = { js: decoder.decode(bytes) };
  for (const [name, bytes] of slug.shared) {
    modules[`shared/${name}`] = name.endsWith('.wasm') ? { wasm: bytes } : { data: bytes.buffer };
  }
  return {
    compatibilityDate: '2026-11-01',
    // Pyodide compiles small modules as it starts, and so does every extension module when it is imported.
    compatibilityFlags: evaluates ? ['experimental', 'allow_insecure_inefficient_logged_eval'] : [],
    allowExperimental: evaluates,
    mainModule: 'adapter.js',
    modules,
    env: {
      HOME: appRoot,
      ...slug.manifest.env,
      ...config,
      PORT: '5000',
      DYNO: dyno,
      HEROKU_RELEASE_VERSION: `v${version}`,
    },
    globalOutbound: outbound,
  };
}
