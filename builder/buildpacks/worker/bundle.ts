import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { build, type Message, type Plugin } from 'esbuild';
import { parse as parseJson } from 'jsonc-parser';
import type { SlugManifest } from '../../../schema/slug.ts';
import { isInside } from '../../paths.ts';
import { bundleFailure } from '../nodejs/bundle/failures.ts';
import { outputOf } from '../nodejs/bundle/output.ts';

export interface WorkerBundle {
  /** By their path below `code/`; the Worker itself is `web.js`. */
  modules: Map<string, { bytes: Uint8Array; type: SlugManifest['modules'][string]['type'] }>;
  /** The source map of `web.js`; sources are relative to the tree. */
  map?: Uint8Array;
  /** How many files of the app it was made of. */
  inputs: number;
}

/** How files are read that are no JavaScript, as wrangler's default rules have it. */
const loaders = { '.txt': 'text', '.html': 'text', '.sql': 'text', '.bin': 'binary' } as const;

/**
 * Bundles a Worker as wrangler does. It reads the app's code and executes none of it.
 *
 * @param tree absolute path of the app, without links in it
 * @param main relative to the tree
 * @param define what stands for names in the code, as in the configuration
 * @throws BuildFailure with esbuild's words, file and line
 */
export async function bundleWorker(tree: string, main: string, define: Record<string, string>): Promise<WorkerBundle> {
  const modules: WorkerBundle['modules'] = new Map();
  const result = await build({
    entryPoints: [`./${main}`],
    outfile: 'web.js',
    absWorkingDir: tree,
    bundle: true,
    write: false,
    metafile: true,
    sourcemap: 'external',
    sourcesContent: false,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['module', 'browser', 'main'],
    loader: loaders,
    define: { 'process.env.NODE_ENV': '"production"', 'global.process.env.NODE_ENV': '"production"', ...define },
    keepNames: true,
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    tsconfigRaw: await readTsconfig(tree),
    plugins: [inside(tree), compiledWasm(modules)],
  }).catch(async (error: unknown) => {
    throw hasErrors(error) ? await bundleFailure(error.errors) : error;
  });
  const { code, map } = outputOf(result);
  modules.set('web.js', { bytes: code, type: 'esm' });
  return { modules, map, inputs: Object.keys(result.metafile.inputs).length };
}

/** What of a tsconfig.json changes the code that comes out. It is not left to esbuild, which follows `extends` anywhere. */
const COMPILER_OPTIONS = ['jsx', 'jsxFactory', 'jsxFragmentFactory', 'jsxImportSource', 'experimentalDecorators'];

async function readTsconfig(tree: string): Promise<string> {
  const text = await readFile(join(tree, 'tsconfig.json'), 'utf8').catch(() => '{}');
  const all: Record<string, unknown> = parseJson(text)?.compilerOptions ?? {};
  const compilerOptions = Object.fromEntries(
    COMPILER_OPTIONS.filter((key) => key in all).map((key) => [key, all[key]]),
  );
  return JSON.stringify({ compilerOptions });
}

/** Lets nothing into the bundle that is not in the tree; leaves workerd's own modules to it. */
function inside(tree: string): Plugin {
  return {
    name: 'inside',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(node|cloudflare|workerd):/ }, ({ path }) => ({ path, external: true }));
      onResolve({ filter: /^[a-z]/ }, ({ path }) =>
        isBuiltin(path) ? { path: `node:${path}`, external: true } : undefined,
      );
      onLoad({ filter: /.*/, namespace: 'file' }, ({ path }) =>
        isInside(tree, path) ? undefined : { errors: [{ text: `${JSON.stringify(path)} is outside of the app` }] },
      );
    },
  };
}

/** An import of a .wasm file is a compiled module, as on Cloudflare. */
function compiledWasm(modules: WorkerBundle['modules']): Plugin {
  return {
    name: 'compiled-wasm',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /\.wasm(\?module)?$/ }, async ({ path, pluginData, ...request }) => {
        if (pluginData === resolved) return undefined;
        const found = await resolve(path.replace(/\?module$/, ''), { ...request, pluginData: resolved });
        if (found.errors.length > 0) return { errors: found.errors };
        const bytes = await readFile(found.path);
        const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
        const name = `${hash}-${basename(found.path)}`;
        modules.set(name, { bytes, type: 'wasm' });
        return { path: `./${name}`, external: true };
      });
    },
  };
}

/** Marks an import that the plug-in wants resolved for itself. */
const resolved = Symbol('resolved');

function hasErrors(error: unknown): error is { errors: Message[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
