/**
 * The PHP runtime: turns a slug whose manifest says `runtime: 'php'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - among the shared modules `php.wasm` (PHP's CGI program), `php.mjs` (the module that runs it), and the libraries of
 *   extensions, each under its file name with `.wasm` behind it
 * - a process type's `entry`, a module below `code/` of type `esm` that exports what to serve: start.ts
 * - the app's whole tree below `files/`
 */
import { composeProcess, evaluation } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug. */
export const workerCode = (slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode => ({
  ...composeProcess(adapter, slug, options),
  // The engine makes small modules by which its parts call each other.
  ...evaluation(options),
});
