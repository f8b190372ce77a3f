/** `ruby` and the commands of its gems for a machine: a build's, or a one-off dyno's. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { TreeEntry } from '../../../sandbox/index.ts';
import { ENGINE } from './engine.ts';

const LIBRARY = '/usr/local/lib/ruby';

/** Bundler has done its work: what `bundle exec` adds is there always. */
const BUNDLE_COMMAND = `#!/bin/sh
case "$1" in
exec) shift; "$@" ;;
-v|--version|version) echo "Bundler version ${ENGINE.bundler}" ;;
*) echo "bundle $1 is not available here: the gems are those of the last build. There is \`bundle exec\`." >&2; exit 1 ;;
esac
`;

const bundles = new Map<string, Promise<Uint8Array>>();

/** @param engine `ruby.wasm` */
export async function rubyPrograms(engine: Uint8Array): Promise<TreeEntry[]> {
  const launcher = Buffer.from(`#!/usr/bin/env node\nimport('${LIBRARY}/ruby.mjs');\n`);
  return [
    file(`${LIBRARY}/ruby.wasm`, engine, 0o644),
    file(`${LIBRARY}/ruby.mjs`, await bundled('ruby-program.ts'), 0o644),
    ...['ruby', 'rake'].map((name) => file(`/usr/local/bin/${name}`, launcher, 0o755)),
    file('/usr/local/bin/bundle', Buffer.from(BUNDLE_COMMAND), 0o755),
  ];
}

const file = (path: string, content: Uint8Array, mode: number): TreeEntry => ({ type: 'file', path, mode, content });

/** What runs Bundler on a Gemfile, and the arguments of the `node` that does: see bundler-program.ts. */
export async function bundlerPrograms(engine: Uint8Array): Promise<TreeEntry[]> {
  return [
    file(`${LIBRARY}/ruby.wasm`, engine, 0o644),
    file(`${LIBRARY}/bundler.mjs`, await bundled('bundler-program.ts'), 0o644),
  ];
}

export const BUNDLER_COMMAND = [`${LIBRARY}/bundler.mjs`];

/** What makes the memory of an engine, and the arguments of the `node` that does: see snapshot-program.ts. */
export async function snapshotPrograms(engine: Uint8Array): Promise<TreeEntry[]> {
  return [
    file(`${LIBRARY}/ruby.wasm`, engine, 0o644),
    file(`${LIBRARY}/snapshot.mjs`, await bundled('snapshot-program.ts'), 0o644),
  ];
}

export const SNAPSHOT_COMMAND = [`${LIBRARY}/snapshot.mjs`];

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
    loader: { '.rb': 'text' },
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
