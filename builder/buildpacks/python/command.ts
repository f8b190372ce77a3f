import { readFile } from 'node:fs/promises';
import { applyChanges, createSandbox, LimitError } from '../../../sandbox/index.ts';
import { machineOptions, overLimit } from '../../machine-options.ts';
import type { BuildContext } from '../buildpack.ts';
import { engineFiles } from './engine.ts';
import { pythonPrograms } from './machine.ts';
import { snapshotFile } from './snapshot.ts';

/**
 * Runs a line of shell in a machine that has the app and Python. What it changes in the app is kept when it succeeds.
 *
 * @param print takes what it writes, to both streams, as it comes
 * @returns its exit code
 * @throws BuildFailure when it crosses a limit
 */
export async function runCommand(
  line: string,
  context: BuildContext,
  print: (text: string) => void,
): Promise<number | null> {
  const { tree, config, signal } = context;
  const files = [...engineFiles(), ['snapshot.bin', await snapshotFile(context.cache)] as const];
  const engine = await Promise.all(files.map(async ([name, file]) => [name, await readFile(file)] as const));
  const sandbox = await createSandbox(machineOptions(context));
  try {
    await sandbox.writeEntries(await pythonPrograms(new Map(engine)));
    await sandbox.importDirectory(tree, '/app');
    const decoder = new TextDecoder();
    const take = (chunk: Uint8Array) => print(decoder.decode(chunk, { stream: true }));
    const { exitCode } = await sandbox.run(line, { cwd: '/app', env: config, onStdout: take, onStderr: take });
    if (exitCode === 0) await applyChanges(await sandbox.exportChanges('/app'), tree);
    return exitCode;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LimitError) throw overLimit(error);
    throw error;
  } finally {
    await sandbox.close();
  }
}
