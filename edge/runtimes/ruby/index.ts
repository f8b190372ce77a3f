/**
 * The Ruby runtime: turns a slug whose manifest says `runtime: 'ruby'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - `ruby.wasm` among the shared modules: CRuby with its standard library, built for WASI
 * - a process type's `entry`, a module below `code/` of type `esm` that exports what to start, by default:
 *   `{ kind: 'rackup', file: 'config.ru' }`, or `{ kind: 'script', file: 'app.rb' }` for a Ruby file that starts a
 *   server itself
 * - the app's whole tree below `files/`, with its gems below `vendor/bundle` and `vendor/bundle/bundler/setup.rb`,
 *   which puts them on the load path, as `bundle install --standalone` makes it
 */
import { appRoot } from '../../../schema/app-root.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

const decoder = new TextDecoder();

/** The dynamic Worker for one process of a slug. Its Durable Object class `App` is the process. */
export function workerCode(slug: Slug, { config, dyno, outbound, version }: RuntimeOptions): WorkerLoaderWorkerCode {
  const modules: WorkerLoaderWorkerCode['modules'] = { 'adapter.js': { js: adapter } };
  for (const [name, bytes] of slug.code) modules[`code/${name}`] = { js: decoder.decode(bytes) };
  for (const [name, bytes] of slug.shared) modules[`shared/${name}`] = { wasm: bytes };
  return {
    compatibilityDate: '2026-11-01',
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
