/**
 * The Go runtime: turns a slug whose manifest says `runtime: 'go'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * - among the shared modules `go.mjs`, the toolchain's own `wasm_exec.js`: it runs programs of the same release
 * - below `code/` each program, of type `wasm`, compiled for `js/wasm`, with the package of builder/buildpacks/go/bridge
 *   linked in
 * - a process type's `entry`, a module of type `esm` that exports which program it is: start.ts
 * - the app's whole tree below `files/`
 */
import { composeProcess } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug. */
export const workerCode = (slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode =>
  composeProcess(adapter, slug, options);
