/**
 * Bundles the Workers into dist/. Run by wrangler (`[build]` in wrangler.toml) and by whoever starts the platform.
 */
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { pyodideForWorkers } from './runtimes/python/pyodide-plugin.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const options = {
  bundle: true,
  format: 'esm',
  target: 'esnext',
  conditions: ['workerd', 'worker'],
  external: ['node:*', 'cloudflare:*', './generated.json'],
  loader: { '.php': 'text', '.py': 'text', '.rb': 'text' },
  logLevel: 'warning',
} satisfies BuildOptions;

const BUNDLE = /\?bundle$/;

/** Packages ask for Node.js's modules without their prefix, some by `require`; workerd has them with it, as imports. */
const nodeModules: Plugin = {
  name: 'node-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z]/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.replace(/^node:/, '');
      return kind === 'require-call'
        ? { path: name, namespace: 'node-module' }
        : { path: `node:${name}`, external: true };
    });
    onLoad({ filter: /./, namespace: 'node-module' }, ({ path }) => ({
      contents: `export * from 'node:${path}'; export { default } from 'node:${path}';`,
    }));
  },
};

/** The text of a module for another isolate, bundled with all that it imports. */
async function bundleText(entry: string): Promise<string> {
  const plugins = [pyodideForWorkers, nodeModules];
  const { outputFiles } = await build({ ...options, entryPoints: [entry], plugins, write: false });
  return outputFiles[0]?.text ?? '';
}

/** For esbuild: `import text from './module.ts?bundle'` is the bundled module, as a string. */
const textBundles: Plugin = {
  name: 'text-bundles',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: BUNDLE }, ({ path, resolveDir }) => ({
      path: fileURLToPath(new URL(path.replace(BUNDLE, ''), `file://${resolveDir}/`)),
      namespace: 'text-bundle',
    }));
    onLoad({ filter: /./, namespace: 'text-bundle' }, async ({ path }) => ({
      contents: await bundleText(path),
      loader: 'text',
    }));
  },
};

/** The same for Vite, which bundles the Workers for their tests. */
export const viteTextBundles = {
  name: 'text-bundles',
  enforce: 'pre',
  async load(id: string): Promise<string | undefined> {
    return BUNDLE.test(id) ? `export default ${JSON.stringify(await bundleText(id.replace(BUNDLE, '')))}` : undefined;
  },
} as const;

async function bundleWorker(entry: string, outfile: string): Promise<string> {
  await build({ ...options, entryPoints: [file(entry)], outfile: file(outfile), plugins: [textBundles] });
  return file(outfile);
}

/** Bundles the edge Worker; returns the path of the module. */
export const bundleEdge = (): Promise<string> => bundleWorker('./index.ts', '../dist/edge.js');

/** Bundles the runner's Worker; returns the path of the module. */
export const bundleRunner = (): Promise<string> => bundleWorker('./runner/index.ts', '../dist/runner.js');

if (import.meta.main) await bundleEdge();
