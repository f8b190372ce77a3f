/**
 * `require` for what the bundle leaves to run time: Node's own modules, and files of the tree by Node's rules for
 * CommonJS (Node.js documentation, "Modules: CommonJS modules", "All together").
 */
import fs from 'node:fs';
import nodeModule from 'node:module';
import { dirname, extname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appRoot } from '../../../../schema/app-root.ts';

const originalRequire = nodeModule.createRequire('/');
const replaced = new Map<string, unknown>();
const builtins = new Set(nodeModule.builtinModules);
const cache: NodeJS.Dict<NodeJS.Module> = {};
let main: NodeJS.Module | undefined;

/** Puts another module in the place of one of Node's that cannot be changed itself; `name` is without `node:`. */
export function replaceBuiltin(name: string, exports: unknown): void {
  replaced.set(name, exports);
}

const requireBuiltin = (name: string): unknown => replaced.get(name.replace(/^node:/, '')) ?? originalRequire(name);

/** The `require` of a module in `directory`. */
export function requireFrom(directory: string): NodeJS.Require {
  const find = (name: string): string => (isBuiltin(name) ? name : findFile(name, directory));
  const require = (name: string): unknown => (isBuiltin(name) ? requireBuiltin(name) : load(find(name)).exports);
  return Object.defineProperty(
    Object.assign(require, {
      resolve: Object.assign(find, { paths: () => lookupPaths(directory) }),
      cache,
      extensions: {} as NodeJS.RequireExtensions,
      main,
    }),
    'main',
    { get: () => main, set: setMain },
  );
}

nodeModule.createRequire = (from) =>
  requireFrom(dirname(String(from).startsWith('file:') ? fileURLToPath(from) : `${from}`));

function setMain(module: NodeJS.Module): void {
  main = module;
}

const isBuiltin = (name: string): boolean =>
  name.startsWith('node:') || name.startsWith('cloudflare:') || builtins.has(name);

function load(filename: string): NodeJS.Module {
  const known = cache[filename];
  if (known) return known;
  const path = dirname(filename);
  const require = requireFrom(path);
  const module = { id: filename, filename, path, exports: {}, loaded: false, children: [], require };
  cache[filename] = module as unknown as NodeJS.Module;
  try {
    const source = fs.readFileSync(filename, 'utf8');
    if (extname(filename) === '.json') module.exports = JSON.parse(source);
    else evaluate(source, module);
  } catch (error) {
    delete cache[filename];
    throw error;
  }
  module.loaded = true;
  return module as unknown as NodeJS.Module;
}

function evaluate(source: string, module: { filename: string; path: string; exports: object; require: unknown }): void {
  const body = `${source.replace(/^#!.*/, '')}\n//# sourceURL=${module.filename}`;
  const wrapper = new Function('exports', 'require', 'module', '__filename', '__dirname', body);
  Reflect.apply(wrapper, module.exports, [module.exports, module.require, module, module.filename, module.path]);
}

function findFile(name: string, directory: string): string {
  const candidates =
    isAbsolute(name) || /^\.\.?(\/|$)/.test(name)
      ? [resolve(directory, name)]
      : lookupPaths(directory).map((path) => resolve(path, name));
  for (const candidate of candidates) {
    const found = asFile(candidate) ?? asDirectory(candidate);
    if (found) return found;
  }
  throw Object.assign(new Error(`Cannot find module '${name}'\nRequired from ${directory}`), {
    code: 'MODULE_NOT_FOUND',
  });
}

const asFile = (path: string): string | undefined =>
  [path, `${path}.js`, `${path}.json`, `${path}.cjs`].find((file) =>
    fs.statSync(file, { throwIfNoEntry: false })?.isFile(),
  );

function asDirectory(path: string): string | undefined {
  if (!fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const packageJson = resolve(path, 'package.json');
  const entry = fs.existsSync(packageJson) ? JSON.parse(fs.readFileSync(packageJson, 'utf8')).main : undefined;
  const target = typeof entry === 'string' ? resolve(path, entry) : undefined;
  return (target && (asFile(target) ?? asFile(resolve(target, 'index')))) ?? asFile(resolve(path, 'index'));
}

/** The `node_modules` a module in `directory` may see, nearest first. */
function lookupPaths(directory: string): string[] {
  const paths = [];
  for (let at = directory; at.startsWith(appRoot); at = dirname(at)) paths.push(`${at}/node_modules`);
  return paths;
}
