/**
 * The worker runtime: turns a slug whose manifest says `runtime: 'worker'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - a process type's `entry`, a module below `code/` of type `esm` whose default export is the app's Worker, bundled;
 *   what it imports is below `code/` too, or workerd's own
 * - `assets` in the manifest, when static files belong to the app, and the files below `files/`
 * - `worker` in the manifest: what else its configuration says
 */
import { composeWorker } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug. */
export function workerCode(slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode {
  const code = composeWorker(adapter, slug, options);
  const { assets = null, worker = null } = slug.manifest;
  return { ...code, modules: { ...code.modules, 'config.json': { json: { assets, ...worker } } } };
}
