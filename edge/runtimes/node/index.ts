/**
 * The node runtime: turns a slug whose manifest says `runtime: 'node'` into the code of a dynamic Worker.
 *
 * What the buildpack leaves in the slug for it:
 *
 * **The bundle.** A process type's `entry` names a module below `code/`, of type `cjs`, that exports one async function.
 * The adapter calls it, once, inside the instance's I/O context, where timers, random numbers and sockets are allowed
 * (workerd refuses them while a module is evaluated). So the app is the function's body, not the module's:
 *
 *     module.exports = async function (require, module, exports) {
 *       …the output of esbuild…
 *     };
 *     module.exports.argv = ["/tmp/app/server.js"];
 *
 * `argv` is `process.argv` from its second item on: the main file's absolute path, then the command's arguments.
 *
 * esbuild makes it with `bundle: true, platform: 'node', target: 'esnext', keepNames: true`, the function's head and
 * tail as `banner` and `footer`, and
 * - `format: 'cjs'` with the main file as the entry point itself, so that `require.main === module` holds in it; or,
 *   where that fails because a module has a top-level await, `format: 'esm'` with a stand-in for the main file that
 *   only imports it, so that no `export` is left over.
 * - No `import` statement may be left over either: Node's own modules, with and without `node:`, are resolved to
 *   stand-ins of one line, `module.exports = require('node:fs')`, whose `require` stays.
 * - `__dirname`, `__filename`, `import.meta.url`, `.dirname` and `.filename` are, in every source file, those of its
 *   original place: `<appRoot>/<path in the tree>`, also below `node_modules`. `import.meta.main` is true in the main
 *   file only, `import.meta.resolve` is `require.resolve` as a file URL.
 * - A `require` or `import()` whose argument is not known stays as a call of `require`. At run time it finds Node's
 *   modules, then `.json`, `.js` and `.cjs` files (CommonJS) in the tree as Node does, `node_modules` included. So does
 *   a package that cannot be bundled.
 *
 * **The files** below `files/`: the app's whole tree as it is after the build, without `.git`; of `node_modules`
 * what is not bundled but may be read: templates, data, `.wasm`, and `package.json` of each package.
 *
 * **`env`** in the manifest: `NODE_ENV: 'production'` and what else the buildpack sets. `PORT` and `DYNO` are added
 * to it here.
 */
import { composeEvaluating } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug: see adapter/index.ts. */
export const workerCode = (slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode =>
  composeEvaluating(adapter, slug, options);
