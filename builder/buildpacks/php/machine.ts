/** `php` for a machine: a build's, or a one-off dyno's. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { EngineNeeds } from '../../../edge/runtimes/php/adapter/start.ts';
import type { TreeEntry } from '../../../sandbox/index.ts';
import type { SlugParts } from '../../oneoff/languages.ts';

const LIBRARY = '/usr/local/lib/php';

/** Composer's commands of the app's packages. */
export const BIN = 'vendor/bin';

let program: Promise<Uint8Array> | undefined;

/** @param parts of a slug: the engine's modules, and what `web` serves, which says what the engine loads */
export async function phpPrograms({ shared, code }: SlugParts): Promise<TreeEntry[]> {
  const web = Buffer.from(code.get('web.js') ?? '').toString();
  return phpEntries(shared, JSON.parse(web.replace(/^export default |;\s*$/g, '')) as EngineNeeds);
}

/** @param shared the engine's modules */
export async function phpEntries(shared: ReadonlyMap<string, Uint8Array>, needs: EngineNeeds): Promise<TreeEntry[]> {
  program ??= bundle();
  return [
    ...[...shared].map(([name, content]) => file(`${LIBRARY}/${name}`, content)),
    file(`${LIBRARY}/start.json`, Buffer.from(JSON.stringify(needs))),
    file(`${LIBRARY}/program.mjs`, await program),
    file('/usr/local/bin/php', Buffer.from(`#!/usr/bin/env node\nimport('${LIBRARY}/program.mjs');\n`), 0o755),
  ];
}

const file = (path: string, content: Uint8Array, mode = 0o644): TreeEntry => ({ type: 'file', path, mode, content });

/** Bundled once, for all machines. */
async function bundle(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('php-program.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker'],
    external: ['node:*'],
    loader: { '.php': 'text' },
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
