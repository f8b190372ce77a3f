/**
 * The Ruby runtime: turns a slug whose manifest says `runtime: 'ruby'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - among the shared modules `ruby.wasm` (CRuby with its standard library, built for WASI) and `snapshot.bin`: the memory of
 *   an engine that has started and loaded what most apps load
 * - a process type's `entry`, a module below `code/` of type `esm` that exports what to start, by default:
 *   `{ kind: 'rackup', file: 'config.ru' }`, `{ kind: 'script', file: 'app.rb', args: [] }` for a Ruby file that
 *   starts a server itself or runs to its end, or `{ kind: 'command', file: 'rake', args: ['jobs'] }` for a command of a gem
 * - the app's whole tree below `files/`, with its gems below `vendor/bundle` and `vendor/bundle/bundler/setup.rb`,
 *   which puts them on the load path, as `bundle install --standalone` makes it
 */
import { composeProcess } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug. */
export const workerCode = (slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode =>
  composeProcess(adapter, slug, options);
