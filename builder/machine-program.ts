/** Programs of Islet's own for machines: entry files here, each bundled to one module that `node` runs there. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { TreeEntry } from '../sandbox/index.ts';

const bundles = new Map<string, Promise<Uint8Array>>();

/** The text of a program, bundled once for all machines. */
export function bundledProgram(entry: URL, plugins: Plugin[] = []): Promise<Uint8Array> {
  const known = bundles.get(entry.href) ?? bundle(fileURLToPath(entry), plugins);
  bundles.set(entry.href, known);
  return known;
}

async function bundle(entry: string, plugins: Plugin[]): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker'],
    external: ['node:*'],
    loader: { '.php': 'text', '.py': 'text', '.rb': 'text' },
    plugins,
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

/** A file of a machine. */
export const machineFile = (path: string, content: Uint8Array, mode = 0o644): TreeEntry => ({
  type: 'file',
  path,
  mode,
  content,
});

/** A command of a machine that runs a module with `node`. */
export const machineCommand = (name: string, module: string): TreeEntry =>
  machineFile(`/usr/local/bin/${name}`, Buffer.from(`#!/usr/bin/env node\nimport('${module}');\n`), 0o755);
