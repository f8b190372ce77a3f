/**
 * The module that a bundle is: the contract of edge/runtimes/node/.
 *
 * It exports one async function, and the bundle is the function's body, so that the app starts when the function is
 * called and not when the module is evaluated.
 */

import { posix } from 'node:path';
import { appRoot } from '../../../../schema/slug.ts';
import { expanded, hasVariable } from '../../../command-line.ts';
import type { Start } from '../start-command.ts';

/** What stands before and after esbuild's output. */
export function frame({ file, args, environment }: Start): { head: string; tail: string } {
  const settings = Object.entries(environment).map(
    ([name, value]) => `process.env[${JSON.stringify(name)}] = ${expanded(value, 'process.env')};`,
  );
  if (args.some(hasVariable))
    settings.push(`process.argv.splice(2, Infinity, ${args.map((word) => expanded(word, 'process.env')).join(', ')});`);
  const argv = [posix.join(appRoot, file), ...args];
  return {
    head: ['module.exports = async function (require, module, exports) {', ...settings, lookup].join('\n'),
    tail: `};\nmodule.exports.argv = ${JSON.stringify(argv)};`,
  };
}

/** The stand-in for the main file: its preloads, the modules that are required by a value, then itself. */
export function entrySource({ file, preloads }: Start): string {
  return ['islet:table', ...preloads, `./${file}`].map((path) => `import ${JSON.stringify(path)};`).join('\n');
}

/** Modules of the bundle by what `require` of a value may ask for: a package's name, a file relative to the app's root. */
export function tableSource({ packages, files }: { packages: readonly string[]; files: readonly string[] }): string {
  const rows = [
    ...packages.map((name) => `bundled.packages[${JSON.stringify(name)}] = () => require(${JSON.stringify(name)});`),
    ...files.map(
      (file) =>
        `bundled.files[${JSON.stringify(posix.join(appRoot, file))}] = () => require(${JSON.stringify(`./${file}`)});`,
    ),
  ];
  return rows.join('\n');
}

/**
 * What `require` of a value does: a module that the bundle holds comes from there, as only one copy of it may live; the
 * rest is for the runtime's own `require`.
 */
const lookup = `const bundled = { packages: {}, files: {} };
const importMetaResolve = (id) => require('node:url').pathToFileURL(require.resolve(id)).href;
require = ((load) => Object.setPrototypeOf((id) => {
  if (Object.hasOwn(bundled.packages, id)) return bundled.packages[id]();
  const path = String(id).startsWith('file:') ? load('node:url').fileURLToPath(id) : id;
  if (String(path).startsWith('/')) for (const end of ['', '.js', '.cjs', '.mjs', '.ts', '/index.js', '/index.ts']) {
    const file = path.replace(/\\/$/, '') + end;
    if (Object.hasOwn(bundled.files, file)) return bundled.files[file]();
  }
  return load(path);
}, load))(require);`;
