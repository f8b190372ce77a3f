import { applyChanges, createSandbox, LimitError, type TreeEntry } from '../sandbox/index.ts';
import type { BuildContext } from './buildpacks/buildpack.ts';
import { machineOptions, overLimit } from './machine-options.ts';

export interface MachineCommand {
  /** What the machine has beside the app. */
  programs: readonly TreeEntry[];
  env: Readonly<Record<string, string>>;
  /** Hosts that it may reach, besides those of every build. */
  hosts?: readonly string[];
  /** Takes what it writes, to both streams, as it comes. */
  print(text: string): void;
}

/**
 * Runs a line of shell in a machine that has the app in /app. What it changes in the app is kept when it succeeds.
 *
 * @returns its exit code
 * @throws BuildFailure when it crosses a limit
 */
export async function runInMachine(
  line: string,
  context: BuildContext,
  { programs, env, hosts, print }: MachineCommand,
): Promise<number | null> {
  const { tree, signal } = context;
  const sandbox = await createSandbox(machineOptions(context, hosts));
  try {
    await sandbox.writeEntries([...programs]);
    await sandbox.importDirectory(tree, '/app');
    const decoder = new TextDecoder();
    const take = (chunk: Uint8Array) => print(decoder.decode(chunk, { stream: true }));
    const { exitCode } = await sandbox.run(line, { cwd: '/app', env, onStdout: take, onStderr: take });
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
