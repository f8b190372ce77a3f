/** `python` for a machine: a build's, or a one-off dyno's. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { pyodideForWorkers } from '../../../edge/runtimes/python/pyodide-plugin.ts';
import type { TreeEntry } from '../../../sandbox/index.ts';

const LIBRARY = '/usr/local/lib/python';

const bundles = new Map<string, Promise<Uint8Array>>();

/** @param engine the engine's files, by the names that the runtime knows them by */
export async function pythonPrograms(engine: ReadonlyMap<string, Uint8Array>): Promise<TreeEntry[]> {
  const files = new Map([...engine, ['python.mjs', await bundled('python-program.ts')]]);
  const launcher = Buffer.from(`#!/usr/bin/env node\nimport('${LIBRARY}/python.mjs');\n`);
  return [
    ...[...files].map(([name, content]) => file(`${LIBRARY}/${name}`, content, 0o644)),
    ...['python', 'python3'].map((name) => file(`/usr/local/bin/${name}`, launcher, 0o755)),
  ];
}

const file = (path: string, content: Uint8Array, mode: number): TreeEntry => ({ type: 'file', path, mode, content });

/** What makes the memory of an engine, and the command that does: see snapshot-program.ts. */
export async function snapshotPrograms(engine: ReadonlyMap<string, Uint8Array>): Promise<TreeEntry[]> {
  const files = new Map([...engine, ['snapshot.mjs', await bundled('snapshot-program.ts')]]);
  return [...files].map(([name, content]) => file(`${LIBRARY}/${name}`, content, 0o644));
}

export const SNAPSHOT_COMMAND = `node ${LIBRARY}/snapshot.mjs`;

/** What makes the memory of an engine that has imported an app's packages, and the command that does: packages-program.ts. */
export async function packagesPrograms(engine: ReadonlyMap<string, Uint8Array>): Promise<TreeEntry[]> {
  const files = new Map([...engine, ['packages.mjs', await bundled('packages-program.ts')]]);
  return [...files].map(([name, content]) => file(`${LIBRARY}/${name}`, content, 0o644));
}

export const PACKAGES_COMMAND = `node ${LIBRARY}/packages.mjs`;

/** Bundled once, for all machines. */
function bundled(name: string): Promise<Uint8Array> {
  const known = bundles.get(name) ?? bundle(name);
  bundles.set(name, known);
  return known;
}

async function bundle(name: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker'],
    external: ['node:*'],
    loader: { '.py': 'text' },
    plugins: [pyodideForWorkers],
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
