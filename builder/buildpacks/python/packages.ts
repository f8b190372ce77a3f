/**
 * The memory of an engine that has imported an app's packages, as importing them is most of what an app's start takes.
 * The app's own modules are not in it, and no config var is: what packages read of the environment is compared when a
 * process starts.
 */
import { readFile } from 'node:fs/promises';
import { createSandbox, LimitError } from '../../../sandbox/index.ts';
import type { BuildContext } from '../buildpack.ts';
import { engineFiles } from './engine.ts';
import { PACKAGES_COMMAND, packagesPrograms } from './machine.ts';
import { snapshotFile } from './snapshot.ts';
import type { Start } from './start-command.ts';

/** What packages-program.ts says when it is done: nothing where an app imports no packages. */
export interface Report {
  modules?: number;
  /** Why there is no memory. */
  reason?: string;
}

/** Milliseconds. An app that takes longer waits for what a build has not. */
const PATIENCE = 60_000;

/** Imports the packages of a process type. The log has a line of it. */
export async function packagesSnapshot(start: Start, context: BuildContext): Promise<Uint8Array | undefined> {
  const { log, phase } = context;
  const { modules, reason, memory } = await phase('commands', () => importPackages(start, context));
  if (reason) log.detail(`The app's packages are imported when it starts, not ahead: ${reason}.`);
  if (memory) log.detail(`Imported ${modules} modules ahead: a process starts with them.`);
  return memory;
}

async function importPackages(
  start: Start,
  { tree, config, cache, signal }: BuildContext,
): Promise<Report & { memory?: Uint8Array | undefined }> {
  const files = [...engineFiles(), ['snapshot.bin', await snapshotFile(cache)] as const];
  const engine = await Promise.all(files.map(async ([name, file]) => [name, await readFile(file)] as const));
  const sandbox = await createSandbox({ limits: { wallMs: PATIENCE }, signal });
  try {
    await sandbox.writeEntries([
      ...(await packagesPrograms(new Map(engine))),
      { type: 'directory', path: '/out', mode: 0o755 },
      { type: 'file', path: '/start.json', mode: 0o644, content: Buffer.from(JSON.stringify(start)) },
    ]);
    await sandbox.importDirectory(tree, '/app');
    let output = '';
    const decoder = new TextDecoder();
    const take = (chunk: Uint8Array) => {
      output += decoder.decode(chunk, { stream: true });
    };
    const { exitCode } = await sandbox.run(`${PACKAGES_COMMAND} /out/packages.snapshot /start.json`, {
      cwd: '/app',
      env: { ...config },
      onStdout: take,
    });
    const changes = exitCode === 0 ? await sandbox.exportChanges('/out') : [];
    const [made] = changes.filter((entry) => entry.type === 'file');
    return { ...reportOf(output), memory: made?.content };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LimitError)) throw error;
    return { reason: error.what };
  } finally {
    await sandbox.close();
  }
}

/** The last line of what was printed; the app may print, too. */
function reportOf(output: string): Report {
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '');
  } catch {
    return { reason: 'the app ends Python as it is imported' };
  }
}
