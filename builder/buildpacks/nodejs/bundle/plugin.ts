import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, extname, posix, resolve as resolvePath } from 'node:path';
import type {
  Loader,
  OnLoadResult,
  OnResolveArgs,
  OnResolveResult,
  PartialMessage,
  Plugin,
  TsconfigRaw,
} from 'esbuild';
import { appRoot } from '../../../../schema/slug.ts';
import { isInside } from '../../../paths.ts';
import type { MessageHelp } from './failures.ts';
import { locate } from './locations.ts';
import { isOptional } from './optional.ts';
import { type Packages, packageOf } from './packages.ts';

/** How esbuild reads a file, by its extension. Node.js would refuse to run any other. */
const loaders: Record<string, Loader> = {
  '.js': 'js',
  '.cjs': 'js',
  '.mjs': 'js',
  '.jsx': 'jsx',
  '.ts': 'ts',
  '.cts': 'ts',
  '.mts': 'ts',
  '.tsx': 'tsx',
  '.json': 'json',
};

/** Modules that stand for something in the bundle; they come from no file. */
const standIn = 'islet';

export interface PluginOptions {
  /** Absolute path of the app, without links in it. */
  tree: string;
  packages: Packages;
  /** Names of packages that only development needs, and that are not there. */
  development: ReadonlySet<string>;
  /** The file that the process type runs, relative to the tree. */
  main: string;
  /** How its TypeScript behaves. */
  tsconfigRaw: TsconfigRaw;
  /** Source of stand-in modules, by name: what an import of `islet:<name>` gets. */
  standIns: Record<string, string>;
  /** Files, relative to the tree, that are known not to bundle: they throw the text when they are loaded. */
  broken: ReadonlyMap<string, string>;
  /** Packages with machine code that the app asked for and can do without until it calls them. */
  unavailable: Set<string>;
  /** Files that the code asks for the path of, relative to the tree. */
  resolved: Set<string>;
}

/**
 * Resolves an app's imports as Node.js does, but only inside the app's tree, and gives each file its place.
 *
 * esbuild itself does what it can do alone; the plug-in takes the imports that could lead out (absolute ones, those
 * that climb, bare ones that no package of the tree answers) and those that stand for something else.
 */
export function nodePlugin({
  tree,
  packages,
  development,
  main,
  tsconfigRaw,
  standIns,
  broken,
  unavailable,
  resolved,
}: PluginOptions): Plugin {
  /** What became of each file, for when the bundle is made again. */
  const loaded = new Map<string, OnLoadResult | undefined>();
  return {
    name: 'node-app',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /^[^./]/ }, async (request) => {
        const { path, namespace, importer, pluginData } = request;
        if (pluginData === again)
          return packages.find(packageOf(path), request.resolveDir) === undefined
            ? { errors: [{ text: path }] }
            : undefined;
        if (path.startsWith(`${standIn}:`)) return { path: path.slice(standIn.length + 1), namespace: standIn };
        if (namespace === 'builtin') return { path, external: true };
        if (isNodeModule(path)) return { path, namespace: 'builtin' };
        if (/^(data|https?|file):/.test(path)) return path.startsWith('data:') ? undefined : refuseAddress(path);
        if (path.startsWith('#')) return undefined;

        const name = packageOf(path);
        const from = request.resolveDir === '' ? tree : request.resolveDir;
        const directory = packages.find(name, from);
        if (directory === undefined) {
          if (packages.isSelf(name, from)) return undefined;
          return (await isTolerant(request, importer))
            ? absent(`Cannot find module '${path}'`)
            : missing(path, name, development);
        }
        if (packages.isNative(directory)) {
          if (!(await isTolerant(request, importer))) return native(name);
          unavailable.add(name);
          return absent(`${name} has native code, which does not run here`);
        }
        // The app depends on it and may never ask for it: types, and packages that bring only commands, have no module.
        if (namespace === standIn && importer === 'table') {
          const { kind, resolveDir } = request;
          const found = await resolve(path, { kind, importer, namespace, resolveDir, pluginData: again });
          if (found.errors.length > 0) return absent(`Cannot find module '${path}'`);
        }
        return undefined;
      });

      onResolve({ filter: /^(\/|\.\.?(\/|$).*|.*\/\.\.(\/|$))/ }, ({ path, resolveDir }) =>
        resolveDir === '' || isInside(tree, resolvePath(resolveDir, path)) ? undefined : { errors: [outside(path)] },
      );

      onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)})`,
      }));

      onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
        contents: `throw Object.assign(new Error(${JSON.stringify(path)}), { code: 'MODULE_NOT_FOUND' })`,
      }));

      onLoad({ filter: /.*/, namespace: standIn }, ({ path }) => ({
        contents: standIns[path] ?? '',
        resolveDir: tree,
      }));

      onLoad({ filter: /.*/, namespace: 'file' }, async ({ path }) => {
        if (!isInside(tree, path)) return { errors: [outside(path)] };
        const place = packages.place(path);
        const why = broken.get(place);
        if (why !== undefined) return { contents: `throw new Error(${JSON.stringify(why)})`, loader: 'js' };
        const loader = loaders[extname(path)] ?? (extname(path) === '' ? 'js' : undefined);
        if (loader === undefined) {
          const error = `Unknown file extension ${JSON.stringify(extname(path))} for ${place}`;
          return { contents: `throw new TypeError(${JSON.stringify(error)})`, loader: 'js' };
        }
        if (loader === 'json') return undefined;
        if (!loaded.has(path)) loaded.set(path, await load(path, place, loader));
        return loaded.get(path);
      });

      /** @returns undefined where esbuild may read the file as it is */
      async function load(path: string, place: string, loader: Loader): Promise<OnLoadResult | undefined> {
        const source = readFileSync(path, 'utf8');
        // A module's own `require` is the one that esbuild knows how to bundle.
        let contents = /createRequire|__require/.test(source) ? withPlainRequire(source) : source;
        if (contents.includes('require.resolve')) contents = await resolvePaths(contents, path);
        // What does not parse goes on to esbuild as it is, which says where and why.
        const result = await locate(contents, { place, loader, main: place === main, tsconfigRaw }).catch(
          () => undefined,
        );
        return result ?? (contents === source ? undefined : { contents, loader });
      }

      /** Gives each `require.resolve` of a literal the path that the file has where the app runs. */
      async function resolvePaths(source: string, importer: string): Promise<string> {
        const paths = new Map<string, string>();
        for (const [, path = ''] of source.matchAll(resolveCall)) {
          if (isNodeModule(path)) continue;
          const found = await resolve(path, {
            kind: 'require-call',
            importer,
            resolveDir: dirname(importer),
            pluginData: again,
          });
          if (found.errors.length > 0 || found.namespace !== 'file' || !isInside(tree, found.path)) continue;
          const place = packages.place(found.path);
          resolved.add(place);
          paths.set(path, posix.join(appRoot, place));
        }
        return source.replace(resolveCall, (call, path: string) => call.replace(path, paths.get(path) ?? path));
      }

      /** Whether the importer goes on without the module, or asks for it only when it is called. */
      async function isTolerant({ kind, path }: OnResolveArgs, importer: string): Promise<boolean> {
        if (kind !== 'require-call' && kind !== 'require-resolve' && kind !== 'dynamic-import') return false;
        if (!isInside(tree, importer)) return true;
        // Packages often require what they support and do not depend on, in the function that needs it.
        if (packages.place(importer).includes('node_modules/')) return true;
        return isOptional(readFileSync(importer, 'utf8'), loaders[extname(importer)] ?? 'js', path);
      }
    },
  };
}

/** What a module of ES gives itself a `require` by, under whatever name. */
const ownRequire = /\b(?:const|let|var)\s+([\w$]+)\s*=\s*(?:\w+\.)?createRequire\(\s*import\.meta\.url\s*\);?/g;
/** The name that bundlers give it in packages; other files of the package may import it. */
const bundledRequire = '__require';

/** Lets a module use the `require` that esbuild knows how to bundle in place of one of its own. */
function withPlainRequire(source: string): string {
  const names = new Set([bundledRequire]);
  const result = source.replace(ownRequire, (declaration, name: string) => {
    if (name === 'require') return '';
    names.add(name);
    return declaration;
  });
  return [...names].reduce(
    (text, name) =>
      text.replace(
        new RegExp(`(?<![\\w$.])${RegExp.escape(name)}(?=\\(\\s*(?:"[^"\\n]*"|'[^'\\n]*')\\s*\\))`, 'g'),
        'require',
      ),
    result,
  );
}

const resolveCall = /\brequire\.resolve\(\s*['"]([^'"\n]+)['"]/g;

/** Marks an import that the plug-in wants resolved for itself: nothing may stand in for it. */
const again = Symbol('again');

function isNodeModule(path: string): boolean {
  return isBuiltin(path) || /^(node|cloudflare):/.test(path);
}

function absent(message: string): OnResolveResult {
  return { path: message, namespace: 'absent' };
}

function missing(path: string, name: string, development: ReadonlySet<string>): OnResolveResult {
  const detail: MessageHelp = {
    help: development.has(name)
      ? `Move ${name} from devDependencies to dependencies in package.json: the app needs it to run.`
      : `Run \`npm install ${name}\` and commit package.json and package-lock.json.`,
  };
  return { errors: [{ text: `Cannot find package '${name}'${path === name ? '' : ` for '${path}'`}`, detail }] };
}

const alternatives: Record<string, string> = {
  bcrypt: 'bcryptjs',
  argon2: '@noble/hashes',
  'better-sqlite3': 'a database that the app reaches over the network',
  sqlite3: 'a database that the app reaches over the network',
  canvas: '@napi-rs/canvas is native too; draw with SVG instead',
  'node-sass': 'sass',
  sharp: 'make the images in the build, where it works, or use jimp, which is JavaScript',
};

function native(name: string): OnResolveResult {
  const instead = Object.hasOwn(alternatives, name) ? alternatives[name] : undefined;
  const detail: MessageHelp = {
    help:
      instead === undefined
        ? `Use a package in JavaScript or WebAssembly in place of ${name}.`
        : `In place of ${name}: ${instead}.`,
  };
  return { errors: [{ text: `${name} has native code, which does not run in an isolate`, detail }] };
}

function refuseAddress(path: string): OnResolveResult {
  return { errors: [{ text: `Code cannot be imported from the address ${JSON.stringify(path)}` }] };
}

function outside(path: string): PartialMessage {
  return { text: `${JSON.stringify(path)} is outside of the app` };
}
