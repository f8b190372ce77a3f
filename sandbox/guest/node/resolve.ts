/**
 * Finds the file that a module specifier means: the algorithms of Node's documentation, "Modules: CommonJS modules" (All
 * together) and "Modules: ECMAScript modules" (Resolution Algorithm Specification), over the machine's tree.
 */
import { isBuiltin as isWorkerdBuiltin } from 'node:module';
import { dirname, extname, resolve as joinPath } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fs } from '../tree.ts';

export type Format = 'builtin' | 'commonjs' | 'module' | 'json' | 'wasm' | 'addon';

export interface Resolved {
  /** Absolute path, without links in it; for a builtin its name without `node:`. */
  path: string;
  format: Format;
}

export interface PackageJson {
  /** Directory of the package. */
  directory: string;
  name?: unknown;
  type?: unknown;
  main?: unknown;
  exports?: unknown;
  imports?: unknown;
}

/** The specifier's way in: conditions of `exports` and `imports` differ, and so do the extensions that are tried. */
export type Way = 'import' | 'require';

const conditions: Record<Way, ReadonlySet<string>> = {
  import: new Set(['node', 'import', 'module-sync', 'node-addons', 'default']),
  require: new Set(['node', 'require', 'module-sync', 'node-addons', 'default']),
};

export function failure(code: string, message: string, Type: typeof Error = Error): Error {
  return Object.assign(new Type(message), { code });
}

export function isBuiltin(specifier: string): boolean {
  return specifier === 'node:sea' || specifier === 'node:test' || isWorkerdBuiltin(specifier);
}

const isFile = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
const isDirectory = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** package.json by directory, with the change time it was read at. */
const packageCache = new Map<string, { changed: number; json: PackageJson | null }>();

/** @throws Error with code ERR_INVALID_PACKAGE_CONFIG */
export function readPackage(directory: string): PackageJson | null {
  const path = joinPath(directory, 'package.json');
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return null;
  const cached = packageCache.get(directory);
  if (cached?.changed === stat.ctimeMs) return cached.json;
  let json: unknown;
  try {
    json = JSON.parse(String(fs.readFileSync(path, 'utf8')));
  } catch (error) {
    throw failure('ERR_INVALID_PACKAGE_CONFIG', `Invalid package config ${path}. ${(error as Error).message}`);
  }
  const found = typeof json === 'object' && json !== null ? { ...json, directory } : null;
  packageCache.set(directory, { changed: Number(stat.ctimeMs), json: found });
  return found;
}

/** The nearest package.json at or above a directory: LOOKUP_PACKAGE_SCOPE. */
export function packageScope(directory: string): PackageJson | null {
  for (let current = directory; ; current = dirname(current)) {
    if (!current.endsWith('/node_modules')) {
      const json = readPackage(current);
      if (json) return json;
    }
    if (current === '/' || current.endsWith('/node_modules')) return null;
  }
}

/** The format a file has by its extension and its package; undefined where its syntax decides. */
export function formatOf(path: string): Format | undefined {
  switch (extname(path)) {
    case '.mjs':
    case '.mts':
      return 'module';
    case '.cjs':
    case '.cts':
      return 'commonjs';
    case '.json':
      return 'json';
    case '.node':
      return 'addon';
    case '.wasm':
      return 'wasm';
    case '.js':
    case '.ts':
    case '': {
      const type = packageScope(dirname(path))?.type;
      if (type === 'module' || type === 'commonjs') return type;
      return path.includes('/node_modules/') ? 'commonjs' : undefined;
    }
    default:
      return 'commonjs';
  }
}

/**
 * @param from absolute path of the importing file
 * @returns an absolute path without links in it, or `node:` and the name of a builtin
 * @throws Error with Node's code: MODULE_NOT_FOUND, ERR_MODULE_NOT_FOUND, ERR_PACKAGE_PATH_NOT_EXPORTED and the like
 */
export function resolveSpecifier(specifier: string, from: string, way: Way): string {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`;
  if (specifier.startsWith('node:')) {
    throw failure('ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: ${specifier}`);
  }
  const directory = dirname(from);
  const found = way === 'import' ? resolveImport(specifier, directory, from) : resolveRequire(specifier, directory);
  if (found !== undefined)
    return isBuiltin(found) ? `node:${found.replace(/^node:/, '')}` : String(fs.realpathSync(found));
  throw way === 'import'
    ? Object.assign(
        failure('ERR_MODULE_NOT_FOUND', `Cannot find ${kindOf(specifier)} '${specifier}' imported from ${from}`),
        // Hooks look for what it may have meant.
        (isPath(specifier) || specifier.startsWith('file:')) && {
          url: new URL(specifier, pathToFileURL(from).href).href,
        },
      )
    : Object.assign(failure('MODULE_NOT_FOUND', `Cannot find module '${specifier}'\nRequire stack:\n- ${from}`), {
        requireStack: [from],
      });
}

const isPath = (specifier: string): boolean => /^\.{0,2}\//.test(specifier) || specifier === '.' || specifier === '..';
const kindOf = (specifier: string): string =>
  isPath(specifier) || specifier.startsWith('file:') ? 'module' : 'package';

function resolveImport(specifier: string, directory: string, from: string): string | undefined {
  if (specifier.startsWith('file:')) return existing(fileURLToPath(specifier), from);
  if (isPath(specifier)) {
    const path = fileURLToPath(new URL(specifier, pathToFileURL(from).href).href);
    return existing(path, from);
  }
  if (/^[a-z][a-z0-9+.-]+:/i.test(specifier)) {
    throw failure(
      'ERR_UNSUPPORTED_ESM_URL_SCHEME',
      `Only URLs with a scheme in: file, data, and node are supported by the default ESM loader. Received ${specifier}`,
    );
  }
  return resolvePackage(specifier, directory, 'import');
}

function existing(path: string, from: string): string | undefined {
  if (isFile(path)) return path;
  if (isDirectory(path)) {
    throw failure(
      'ERR_UNSUPPORTED_DIR_IMPORT',
      `Directory import '${path}' is not supported resolving ES modules imported from ${from}`,
    );
  }
  return undefined;
}

function resolveRequire(specifier: string, directory: string): string | undefined {
  if (specifier.startsWith('file:')) return asFile(fileURLToPath(specifier));
  if (isPath(specifier)) {
    const path = joinPath(directory, specifier);
    return (/\/\.{0,2}$|^\.{1,2}$/.test(specifier) ? undefined : asFile(path)) ?? asDirectory(path);
  }
  return resolvePackage(specifier, directory, 'require');
}

/** LOAD_AS_FILE */
function asFile(path: string): string | undefined {
  return ['', '.js', '.json', '.node'].map((extension) => path + extension).find(isFile);
}

/** LOAD_AS_DIRECTORY */
function asDirectory(path: string): string | undefined {
  if (!isDirectory(path)) return undefined;
  const main = readPackage(path)?.main;
  if (typeof main === 'string' && main !== '') {
    const target = joinPath(path, main);
    const found = asFile(target) ?? asFile(joinPath(target, 'index'));
    if (found !== undefined) return found;
  }
  return asFile(joinPath(path, 'index'));
}

/** PACKAGE_RESOLVE: `#name`, the package's own name, and `node_modules` of every directory up to the root. */
function resolvePackage(specifier: string, directory: string, way: Way): string | undefined {
  if (specifier.startsWith('#')) return resolveOwnImport(specifier, directory, way);
  const match = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier);
  const name = match?.[1];
  if (name === undefined) return undefined;
  const subpath = `.${match?.[2] ?? ''}`;

  const scope = packageScope(directory);
  if (scope?.name === name && scope.exports !== undefined && scope.exports !== null) {
    return resolveExports(scope, subpath, way);
  }
  for (let current = directory; ; current = dirname(current)) {
    if (!current.endsWith('/node_modules')) {
      const root = joinPath(current, 'node_modules', name);
      if (isDirectory(root)) {
        const found = inPackage(root, subpath, way);
        if (found !== undefined || way === 'import') return found;
      } else if (way === 'require' && subpath === '.') {
        const found = asFile(root);
        if (found !== undefined) return found;
      }
    }
    if (current === '/') return undefined;
  }
}

function inPackage(root: string, subpath: string, way: Way): string | undefined {
  const json = readPackage(root);
  if (json?.exports !== undefined && json.exports !== null) return resolveExports(json, subpath, way);
  const path = joinPath(root, subpath);
  if (way === 'require') return subpath === '.' ? asDirectory(path) : (asFile(path) ?? asDirectory(path));
  if (subpath !== '.') return existing(path, root);
  // LEGACY_MAIN_RESOLVE
  return asDirectory(path);
}

/** PACKAGE_EXPORTS_RESOLVE */
function resolveExports(json: PackageJson, subpath: string, way: Way): string {
  const { exports, directory } = json;
  const map =
    typeof exports === 'object' && exports !== null && !Array.isArray(exports)
      ? (exports as Record<string, unknown>)
      : undefined;
  const bySubpath = map !== undefined && Object.keys(map).some((key) => key.startsWith('.'));
  const entries: Record<string, unknown> = bySubpath && map ? map : { '.': exports };
  const target = matchPattern(entries, subpath, (value, star) => resolveTarget(value, star, directory, way, false));
  if (typeof target === 'string') return target;
  throw failure(
    'ERR_PACKAGE_PATH_NOT_EXPORTED',
    subpath === '.'
      ? `No "exports" main defined in ${directory}/package.json`
      : `Package subpath '${subpath}' is not defined by "exports" in ${directory}/package.json`,
  );
}

/** PACKAGE_IMPORTS_RESOLVE */
function resolveOwnImport(specifier: string, directory: string, way: Way): string {
  const scope = packageScope(directory);
  const { imports } = scope ?? {};
  if (scope && typeof imports === 'object' && imports !== null) {
    const target = matchPattern(imports as Record<string, unknown>, specifier, (value, star) =>
      resolveTarget(value, star, scope.directory, way, true),
    );
    if (typeof target === 'string') return target;
  }
  throw failure(
    'ERR_PACKAGE_IMPORT_NOT_DEFINED',
    `Package import specifier "${specifier}" is not defined in package ${scope?.directory ?? directory}/package.json`,
    TypeError,
  );
}

/** PACKAGE_IMPORTS_EXPORTS_RESOLVE: an exact key, or else the pattern with the longest part before its `*`. */
function matchPattern<Target>(
  entries: Record<string, unknown>,
  subject: string,
  use: (value: unknown, star: string | undefined) => Target,
): Target | undefined {
  if (Object.hasOwn(entries, subject) && !subject.includes('*')) return use(entries[subject], undefined);
  const patterns = Object.keys(entries)
    .filter((key) => key.split('*').length === 2)
    .sort((a, b) => b.indexOf('*') - a.indexOf('*') || b.length - a.length);
  for (const key of patterns) {
    const [before = '', after = ''] = key.split('*');
    if (subject.length >= key.length && subject.startsWith(before) && subject.endsWith(after)) {
      return use(entries[key], subject.slice(before.length, subject.length - after.length));
    }
  }
  return undefined;
}

/** PACKAGE_TARGET_RESOLVE; null closes a path, undefined means that no condition fits. */
function resolveTarget(
  target: unknown,
  star: string | undefined,
  directory: string,
  way: Way,
  internal: boolean,
): string | null | undefined {
  if (typeof target === 'string') {
    const filled = star === undefined ? target : target.replaceAll('*', star);
    if (!target.startsWith('./')) {
      if (internal && !target.startsWith('../') && !target.startsWith('/')) {
        return isBuiltin(filled) ? filled : resolvePackage(filled, directory, way);
      }
      throw failure(
        'ERR_INVALID_PACKAGE_TARGET',
        `Invalid package target ${JSON.stringify(target)} in ${directory}/package.json`,
      );
    }
    if (/(^|[\\/])(\.\.?|node_modules)([\\/]|$)/i.test(filled.slice(2))) {
      throw failure(
        'ERR_INVALID_MODULE_SPECIFIER',
        `Invalid module ${JSON.stringify(filled)} in ${directory}/package.json`,
        TypeError,
      );
    }
    const path = joinPath(directory, filled);
    if (!isFile(path))
      throw Object.assign(
        failure(way === 'import' ? 'ERR_MODULE_NOT_FOUND' : 'MODULE_NOT_FOUND', `Cannot find module '${path}'`),
        { url: pathToFileURL(path).href },
      );
    return path;
  }
  if (Array.isArray(target)) {
    let last: string | null | undefined;
    for (const item of target) {
      try {
        last = resolveTarget(item, star, directory, way, internal);
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_INVALID_PACKAGE_TARGET') continue;
        throw error;
      }
      if (typeof last === 'string') return last;
    }
    return last;
  }
  if (typeof target === 'object' && target !== null) {
    for (const [condition, value] of Object.entries(target)) {
      if (!conditions[way].has(condition)) continue;
      const found = resolveTarget(value, star, directory, way, internal);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return target === null ? null : undefined;
}
