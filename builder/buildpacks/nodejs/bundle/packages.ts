import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** The package that a specifier names: `@scope/name` of `@scope/name/sub/path.js`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

/** The nearest directory of a package below a `node_modules` that holds a path relative to the tree, as `node_modules/a`. */
export function packageDirectory(path: string): string | undefined {
  return /^(.*\/)?node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
}

/** Finds packages in a tree as Node.js does ("Modules: CommonJS modules", loading from `node_modules` folders). */
export class Packages {
  readonly #tree: string;
  readonly #found = new Map<string, string | undefined>();
  readonly #native = new Map<string, boolean>();

  constructor(tree: string) {
    this.#tree = tree;
  }

  /**
   * @param from absolute directory of the file that asks
   * @returns the package's absolute directory; undefined when no `node_modules` up to the app's root has it
   */
  find(name: string, from: string): string | undefined {
    const key = `${from}\0${name}`;
    if (this.#found.has(key)) return this.#found.get(key);
    const here = from.endsWith(`${sep}node_modules`) ? undefined : join(from, 'node_modules', name);
    let found: string | undefined;
    if (here !== undefined && existsSync(here)) found = here;
    else if (from !== this.#tree && from.startsWith(this.#tree + sep)) found = this.find(name, dirname(from));
    this.#found.set(key, found);
    return found;
  }

  /** Whether a file stands in the package of that name, which may then ask for itself ("Modules: Packages", self-referencing). */
  isSelf(name: string, from: string): boolean {
    const manifest = readManifest(from);
    if (manifest !== undefined) return manifest.name === name && 'exports' in manifest;
    return from !== this.#tree && from.startsWith(this.#tree + sep) && this.isSelf(name, dirname(from));
  }

  /**
   * Whether a package needs machine code: it is compiled by node-gyp, ships binaries for Node-API, declares either, or
   * has a variant of itself for each platform among its optional dependencies.
   */
  isNative(directory: string): boolean {
    let native = this.#native.get(directory);
    if (native === undefined) {
      native = hasMachineCode(directory);
      this.#native.set(directory, native);
    }
    return native;
  }

  /** The part of an absolute path below the tree, with `/` between its parts. */
  place(path: string): string {
    return relative(this.#tree, path).split(sep).join('/');
  }
}

function hasMachineCode(directory: string): boolean {
  const { gypfile, binary, napi, optionalDependencies = {} } = readManifest(directory) ?? {};
  if (gypfile === true || typeof binary === 'object' || typeof napi === 'object') return true;
  if (Object.keys(Object(optionalDependencies)).some((name) => /-(linux|darwin|win32)-(x64|arm64)/.test(name)))
    return true;
  return readdirSync(directory).some(
    (file) => file === 'binding.gyp' || file === 'prebuilds' || file.endsWith('.node'),
  );
}

function readManifest(directory: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}
