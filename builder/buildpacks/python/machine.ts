/** `python` for a machine: a build's, or a one-off dyno's. */
import { pyodideForWorkers } from '../../../edge/runtimes/python/pyodide-plugin.ts';
import type { TreeEntry } from '../../../sandbox/index.ts';
import { bundledProgram, machineCommand, machineFile } from '../../machine-program.ts';

const LIBRARY = '/usr/local/lib/python';

/** @param engine the engine's files, by the names that the runtime knows them by */
export async function pythonPrograms(engine: ReadonlyMap<string, Uint8Array>): Promise<TreeEntry[]> {
  const files = new Map([...engine, ['python.mjs', await bundled('python-program.ts')]]);
  return [
    ...[...files].map(([name, content]) => machineFile(`${LIBRARY}/${name}`, content)),
    ...['python', 'python3'].map((name) => machineCommand(name, `${LIBRARY}/python.mjs`)),
  ];
}

/** What makes the memory of an engine, and the command that does: see snapshot-program.ts. */
export async function snapshotPrograms(engine: ReadonlyMap<string, Uint8Array>): Promise<TreeEntry[]> {
  const files = new Map([...engine, ['snapshot.mjs', await bundled('snapshot-program.ts')]]);
  return [...files].map(([name, content]) => machineFile(`${LIBRARY}/${name}`, content));
}

export const SNAPSHOT_COMMAND = `node ${LIBRARY}/snapshot.mjs`;

/** What makes the memory of an engine that has imported an app's packages, and the command that does: packages-program.ts. */
export async function packagesPrograms(engine: ReadonlyMap<string, Uint8Array>): Promise<TreeEntry[]> {
  const files = new Map([...engine, ['packages.mjs', await bundled('packages-program.ts')]]);
  return [...files].map(([name, content]) => machineFile(`${LIBRARY}/${name}`, content));
}

export const PACKAGES_COMMAND = `node ${LIBRARY}/packages.mjs`;

const bundled = (name: string): Promise<Uint8Array> =>
  bundledProgram(new URL(name, import.meta.url), [pyodideForWorkers]);
