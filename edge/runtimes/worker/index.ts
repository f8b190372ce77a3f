/**
 * The worker runtime: turns a slug whose manifest says `runtime: 'worker'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - a process type's `entry`, a module below `code/` of type `esm` whose default export is the app's Worker, bundled;
 *   what it imports is below `code/` too, or workerd's own
 * - `assets` in the manifest, when static files belong to the app, and the files below `files/`
 */
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

const decoder = new TextDecoder();

/** The dynamic Worker for one process of a slug. Its Durable Object class `App` is the process. */
export function workerCode(slug: Slug, { config, dyno, outbound, version }: RuntimeOptions): WorkerLoaderWorkerCode {
  const modules: WorkerLoaderWorkerCode['modules'] = {
    'adapter.js': { js: adapter },
    'assets.json': { json: slug.manifest.assets ?? null },
  };
  for (const [name, bytes] of slug.code) {
    const type = slug.manifest.modules[name]?.type;
    modules[`code/${name}`] =
      type === 'wasm' ? { wasm: bytes } : { [type === 'cjs' ? 'cjs' : 'js']: decoder.decode(bytes) };
  }
  return {
    compatibilityDate: '2026-11-01',
    mainModule: 'adapter.js',
    modules,
    env: { ...slug.manifest.env, ...config, DYNO: dyno, HEROKU_RELEASE_VERSION: `v${version}` },
    globalOutbound: outbound,
  };
}
