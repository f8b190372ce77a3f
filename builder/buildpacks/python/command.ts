import { readFile } from 'node:fs/promises';
import { runInMachine } from '../../run-in-machine.ts';
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
  const files = [...engineFiles(), ['snapshot.bin', await snapshotFile(context.cache)] as const];
  const engine = await Promise.all(files.map(async ([name, file]) => [name, await readFile(file)] as const));
  const programs = await pythonPrograms(new Map(engine));
  return runInMachine(line, context, { programs, env: context.config, print });
}
