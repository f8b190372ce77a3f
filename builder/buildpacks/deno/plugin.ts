import { isBuiltin } from 'node:module';
import { dirname, extname, join, relative, sep } from 'node:path';
import { type Loader, type OnResolveArgs, type OnResolveResult, type Plugin, transform } from 'esbuild';
import { isInside } from '../../paths.ts';
import type { MessageHelp } from '../nodejs/bundle/failures.ts';
import { packageOf } from '../nodejs/bundle/packages.ts';
import type { ImportMap } from './config.ts';
import { BASE, mapped } from './import-map.ts';
import type { RemoteModules } from './remote.ts';
import { type PackageSpecifier, packageSpecifier } from './specifier.ts';

export interface DenoPluginOptions {
  /** Absolute path of the app, without links in it. */
  tree: string;
  map: ImportMap;
  remote: RemoteModules;
  /** Names of packages that package.json has. */
  packages: ReadonlySet<string>;
  /** What an import of a package leads to; undefined leaves it to what comes after. */
  onPackage(specifier: PackageSpecifier): { path: string; external?: true };
}

/** Marks an import whose meaning is known. */
const known = Symbol('known');

const REMOTE = 'remote';

/**
 * Resolves the imports of an app's own modules, and of those that come by URL, as Deno does: by the import map, and by
 * specifiers of packages. Those of packages themselves are left to Node's way.
 */
export function denoPlugin({ tree, map, remote, packages, onPackage }: DenoPluginOptions): Plugin {
  return {
    name: 'deno-app',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /.*/ }, async (request) => {
        const { path, namespace, importer, pluginData } = request;
        if (pluginData === known || path.startsWith('node:') || path.startsWith('islet:')) return undefined;
        if (namespace === 'file' && (!isInside(tree, importer) || importer.includes(`${sep}node_modules${sep}`))) {
          return undefined;
        }
        if (namespace !== 'file' && namespace !== REMOTE && namespace !== 'islet') return undefined;
        const from = namespace === REMOTE ? importer : urlOf(namespace === 'file' ? importer : join(tree, 'main.ts'));
        const whole = /^(?:\.{1,2}\/|\/)/.test(path) ? new URL(path, from).href : path;
        const target = mapped(whole, from, map) ?? whole;
        const specifier = packageSpecifier(target);
        if (specifier) return packageAt(onPackage(specifier), request);
        if (/^https?:/.test(target)) return { path: target, namespace: REMOTE };
        if (target.startsWith(BASE)) {
          return namespace !== REMOTE && target === whole && path !== whole ? undefined : fileAt(target, request);
        }
        if (isBuiltin(target) || packages.has(packageOf(target))) return again(target, request);
        return /^[a-z]+:/.test(target) ? undefined : notMapped(target);
      });

      onLoad({ filter: /.*/, namespace: REMOTE }, async ({ path }) => {
        const { source, loader } = await remote.get(path);
        return { contents: await located(source, path, loader), loader: loader === 'json' ? 'json' : 'js' };
      });

      async function packageAt(
        found: { path: string; external?: true },
        request: OnResolveArgs,
      ): Promise<OnResolveResult> {
        return found.external ? found : again(found.path, request);
      }

      /** A file of the app, by its URL below BASE. */
      function fileAt(url: string, request: OnResolveArgs): Promise<OnResolveResult> | OnResolveResult {
        if (request.namespace === REMOTE)
          return { errors: [{ text: `${JSON.stringify(request.path)} is no remote module` }] };
        return again(`./${decodeURIComponent(url.slice(BASE.length))}`, request);
      }

      /** Resolves by Node's way, from the app's root. */
      async function again(path: string, { kind, importer, namespace }: OnResolveArgs): Promise<OnResolveResult> {
        const asked = { kind, importer: namespace === 'file' ? importer : join(tree, 'main.ts'), namespace: 'file' };
        const found = await resolve(path, { ...asked, resolveDir: tree, pluginData: known });
        if (found.errors.length === 0) {
          const { external, sideEffects } = found;
          return { path: found.path, namespace: found.namespace, external, sideEffects, pluginData: found.pluginData };
        }
        return { errors: found.errors };
      }
    },
  };

  function urlOf(file: string): string {
    return new URL(relative(tree, file).split(sep).map(encodeURIComponent).join('/'), BASE).href;
  }
}

function notMapped(path: string): OnResolveResult {
  const detail: MessageHelp = { help: `Add it to "imports" in deno.json: \`deno add npm:${packageOf(path)}\`.` };
  return { errors: [{ text: `Import "${path}" not a dependency and not in import map`, detail }] };
}

/** A module that has no file says where it came from by itself. */
async function located(source: string, url: string, loader: Loader): Promise<string> {
  if (loader === 'json') return source;
  const { code } = await transform(source, {
    loader,
    target: 'esnext',
    supported: { decorators: false },
    logLevel: 'silent',
    define: { 'import.meta.url': JSON.stringify(url), 'import.meta.main': 'false' },
  });
  return code;
}

const CODE: Record<string, Loader> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
  '.json': 'json',
};

/** For a first look at what an app imports: reads nothing outside of the tree, and leaves out packages. */
export function scanPlugin(tree: string): Plugin {
  return {
    name: 'scan',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^./]/ }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /.*/, namespace: 'file' }, ({ path }) => {
        const detail: MessageHelp = { help: 'Import files of the app alone.' };
        if (!isInside(tree, path))
          return { errors: [{ text: `${JSON.stringify(path)} is outside of the app`, detail }] };
        const extension = extname(path);
        if (extension in CODE || ['.js', '.mjs', '.cjs'].includes(extension)) return undefined;
        return { contents: '', loader: 'empty', resolveDir: dirname(path) };
      });
    },
  };
}
