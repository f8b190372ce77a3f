/** `ruby` and the commands of its gems for a machine: a build's, or a one-off dyno's. */
import type { TreeEntry } from '../../../sandbox/index.ts';
import { bundledProgram, machineCommand, machineFile } from '../../machine-program.ts';
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

/** @param engine `ruby.wasm` */
export async function rubyPrograms(engine: Uint8Array): Promise<TreeEntry[]> {
  return [
    machineFile(`${LIBRARY}/ruby.wasm`, engine),
    machineFile(`${LIBRARY}/ruby.mjs`, await bundled('ruby-program.ts')),
    ...['ruby', 'rake'].map((name) => machineCommand(name, `${LIBRARY}/ruby.mjs`)),
    machineFile('/usr/local/bin/bundle', Buffer.from(BUNDLE_COMMAND), 0o755),
  ];
}

/** What runs Bundler on a Gemfile, and the arguments of the `node` that does: see bundler-program.ts. */
export async function bundlerPrograms(engine: Uint8Array): Promise<TreeEntry[]> {
  return [
    machineFile(`${LIBRARY}/ruby.wasm`, engine),
    machineFile(`${LIBRARY}/bundler.mjs`, await bundled('bundler-program.ts')),
  ];
}

export const BUNDLER_COMMAND = [`${LIBRARY}/bundler.mjs`];

/** What makes the memory of an engine, and the arguments of the `node` that does: see snapshot-program.ts. */
export async function snapshotPrograms(engine: Uint8Array): Promise<TreeEntry[]> {
  return [
    machineFile(`${LIBRARY}/ruby.wasm`, engine),
    machineFile(`${LIBRARY}/snapshot.mjs`, await bundled('snapshot-program.ts')),
  ];
}

export const SNAPSHOT_COMMAND = [`${LIBRARY}/snapshot.mjs`];

const bundled = (name: string): Promise<Uint8Array> => bundledProgram(new URL(name, import.meta.url));
