/** Runs JavaScript as a task: from its first statement to the moment when nothing is left to wait for. */
import { resolve as joinPath } from 'node:path';
import { type Task, TaskEnded } from '../task.ts';
import { fs } from '../tree.ts';
import { createBuiltins } from './builtins.ts';
import { attachChannel } from './child-process.ts';
import { finalize } from './finalization.ts';
import { createConsole, createTimers, setNodeTask } from './globals.ts';
import { Loader } from './loader.ts';
import { createProcess, type Process, reportUncaught } from './process.ts';

export interface Runtime {
  process: Process;
  loader: Loader;
  console: Pick<Console, 'log'>;
}

/** Exit code of a program whose top-level `await` never settles, as in Node. */
const unsettledAwait = 13;
const engineImmediate = globalThis.setImmediate;
const turn = () => new Promise<void>((resolve) => engineImmediate(() => resolve()));
/** Turns of the event loop without anything to wait for, after which a program is over. Work that the engine does on its own is seen this way. */
const quietTurns = 8;

/** @param typescript whether TypeScript is run as `tsx` does */
export function createRuntime(task: Task, { typescript = false } = {}): Runtime {
  const builtin = createBuiltins(
    task,
    () => process,
    () => loader,
  );
  const process: Process = createProcess(task, builtin);
  const console = createConsole(task, process);
  setNodeTask(task, { process, console, timers: createTimers(task) });
  const loader: Loader = new Loader(task, builtin, { typescript });
  attachChannel(task, process);
  return { process, loader, console };
}

/**
 * Runs a program to its end.
 *
 * @param main starts it
 * @returns the exit code
 */
export async function runProgram(task: Task, { process }: Runtime, main: () => Promise<void>): Promise<number> {
  let settled = false;
  const running = main().then(
    () => {
      settled = true;
    },
    (error: unknown) => {
      settled = true;
      reportUncaught(process, task, error, 'uncaughtException');
    },
  );
  await Promise.race([running, turn()]);
  await untilQuiet(task, () => settled);
  if (task.exit === undefined && !settled) {
    task.write(2, Buffer.from('Warning: Detected unsettled top-level await\n'));
    process.exitCode ??= unsettledAwait;
  } else {
    while (task.exit === undefined) {
      task.enter(() => process.emit('beforeExit', Number(process.exitCode ?? 0)));
      await turn();
      if (task.idle) break;
      await untilQuiet(task, () => true);
    }
  }
  leave(process);
  return Number(process.exitCode ?? 0);
}

/** Runs the `exit` handlers and ends the task. */
function leave(process: Process): void {
  try {
    (process.exit as () => void)();
  } catch (error) {
    if (!(error instanceof TaskEnded)) throw error;
  }
}

async function untilQuiet(task: Task, isSettled: () => boolean): Promise<void> {
  for (let quiet = 0; task.exit === undefined; quiet += 1) {
    if (!task.idle) {
      await task.whenIdle();
      quiet = 0;
    }
    finalize(task);
    if (quiet >= quietTurns && (isSettled() || quiet >= quietTurns * 4)) return;
    await turn();
  }
}

/** The file a program's first argument means: as given, with an extension, or a directory with an index. */
export function mainFile(task: Task, name: string): string {
  const path = joinPath(task.cwd, name);
  const names = [path, ...['.js', '.cjs', '.mjs', '.ts', '.mts'].map((end) => path + end), joinPath(path, 'index.js')];
  for (const candidate of names) {
    if (fs.statSync(candidate, { throwIfNoEntry: false })?.isFile()) return candidate;
  }
  return path;
}
