import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { packTar, type TarEntry } from 'modern-tar';
import { appRoot, type SlugManifest } from '../../schema/slug.ts';

/** An app in a directory with its packages installed, as edge/runtimes/node/index.ts asks for it. */
export async function nodeSlug(directory: string, main: string): Promise<{ sha256: string; bytes: Uint8Array }> {
  const files = await tree(directory);
  return slugOf(await bundle(directory, main), files, `node ${main}`);
}

/** An app of source text only. */
export async function textSlug(source: string): Promise<{ sha256: string; bytes: Uint8Array }> {
  const head = 'module.exports = async function (require, module, exports) {\n';
  const tail = `\n};\nmodule.exports.argv = ["${appRoot}/server.js"];\n`;
  return slugOf(head + source + tail, { 'server.js': Buffer.from(source) }, 'node server.js');
}

async function slugOf(code: string, files: Record<string, Buffer>, command: string) {
  const manifest: SlugManifest = {
    version: 1,
    runtime: 'node',
    language: 'Node.js',
    env: { NODE_ENV: 'production' },
    processTypes: { web: { command, entry: 'web.js' } },
    modules: { 'web.js': { type: 'cjs' } },
  };
  const entry = (name: string, body: string | Buffer): TarEntry => {
    const bytes = Buffer.from(body);
    return { header: { name, size: bytes.length, type: 'file' }, body: new Uint8Array(bytes) };
  };
  const bytes = await packTar([
    entry('manifest.json', JSON.stringify(manifest)),
    entry('code/web.js', code),
    ...Object.entries(files).map(([path, data]) => entry(`files/${path}`, data)),
  ]);
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
}

async function bundle(directory: string, main: string): Promise<string> {
  const options: BuildOptions = {
    absWorkingDir: directory,
    bundle: true,
    platform: 'node',
    target: 'esnext',
    keepNames: true,
    write: false,
    logLevel: 'silent',
    banner: { js: 'module.exports = async function (require, module, exports) {' },
    footer: { js: `};\nmodule.exports.argv = ["${appRoot}/${main}"];` },
    plugins: [builtins, places(directory)],
  };
  const standIn = { contents: `import './${main}';`, resolveDir: directory };
  const { outputFiles } = await build({ ...options, entryPoints: [main], format: 'cjs' }).catch(() =>
    build({ ...options, stdin: standIn, format: 'esm' }),
  );
  return outputFiles?.[0]?.text ?? '';
}

const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, namespace }) => {
      if (namespace === 'builtin') return { path, external: true };
      return isBuiltin(path) ? { path, namespace: 'builtin' } : undefined;
    });
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({ contents: `module.exports = require('${path}')` }));
  },
};

const places = (directory: string): Plugin => ({
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const file = `${appRoot}/${relative(directory, path)}`;
      const contents = source
        .replaceAll(/\bimport\.meta\.url\b/g, JSON.stringify(pathToFileURL(file).href))
        .replaceAll(/\b__dirname\b/g, JSON.stringify(file.replace(/\/[^/]*$/, '')))
        .replaceAll(/\b__filename\b/g, JSON.stringify(file));
      return { contents, loader: 'js' };
    });
  },
});

/** The tree, of node_modules only what is not code. */
async function tree(directory: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files: Record<string, Buffer> = {};
  for (const entry of entries) {
    const path = relative(directory, join(entry.parentPath, entry.name));
    const code = /node_modules/.test(path) && ['.js', '.mjs', '.cjs', '.ts', '.map', '.md'].includes(extname(path));
    if (entry.isFile() && !code) files[path] = await readFile(join(directory, path));
  }
  return files;
}
