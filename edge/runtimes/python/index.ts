/**
 * The Python runtime: turns a slug whose manifest says `runtime: 'python'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - among the shared modules `python.wasm` (CPython as Pyodide builds it) and `stdlib.zip` (its standard library), and `snapshot.bin`:
 *   the memory of an engine that has started and imported what most apps import
 * - a process type's `entry`, a module below `code/` of type `esm` that exports what to start: start.ts
 * - the app's whole tree below `files/`, with its packages in `.heroku/python/lib/python3.14/site-packages`
 */
import { composeProcess, evaluation } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug. */
export const workerCode = (slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode => ({
  ...composeProcess(adapter, slug, options),
  // Pyodide compiles small modules as it starts, and so does every extension module when it is imported.
  ...evaluation(options),
});
