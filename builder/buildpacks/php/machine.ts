/** `php` for a machine: a build's, or a one-off dyno's. */
import type { EngineNeeds } from '../../../edge/runtimes/php/adapter/start.ts';
import type { TreeEntry } from '../../../sandbox/index.ts';
import { bundledProgram, machineCommand, machineFile } from '../../machine-program.ts';
import type { SlugParts } from '../../oneoff/languages.ts';

const LIBRARY = '/usr/local/lib/php';

/** Composer's commands of the app's packages. */
export const BIN = 'vendor/bin';

/** @param parts of a slug: the engine's modules, and what `web` serves, which says what the engine loads */
export async function phpPrograms({ shared, code }: SlugParts): Promise<TreeEntry[]> {
  const web = Buffer.from(code.get('web.js') ?? '').toString();
  return phpEntries(shared, JSON.parse(web.replace(/^export default |;\s*$/g, '')) as EngineNeeds);
}

/** @param shared the engine's modules */
export async function phpEntries(shared: ReadonlyMap<string, Uint8Array>, needs: EngineNeeds): Promise<TreeEntry[]> {
  return [
    ...[...shared].map(([name, content]) => machineFile(`${LIBRARY}/${name}`, content)),
    machineFile(`${LIBRARY}/start.json`, Buffer.from(JSON.stringify(needs))),
    machineFile(`${LIBRARY}/program.mjs`, await bundledProgram(new URL('php-program.ts', import.meta.url))),
    machineCommand('php', `${LIBRARY}/program.mjs`),
  ];
}
