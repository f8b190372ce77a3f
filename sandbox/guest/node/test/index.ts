/** `node:test` of a program, and `node --test`, which runs each file as a program of its own. */
import { resolve as joinPath } from 'node:path';
import { inspect } from 'node:util';
import { Pipe } from '../../pipe.ts';
import { start } from '../../programs/program.ts';
import type { Task } from '../../task.ts';
import { fs } from '../../tree.ts';
import type { Process } from '../process.ts';
import { createMocks } from './mock.ts';
import { counts, SpecReport } from './report.ts';
import { createTestModule, type Environment, Node } from './runner.ts';

/** The report of `node --test` that a file's tests go to. */
const shared = new WeakMap<Task, SpecReport>();

const createReport = (task: Task) =>
  new SpecReport(
    (text) => task.write(1, Buffer.from(text)),
    (value) => inspect(value),
  );

type Tools = Omit<Environment, 'mock' | 'report'>;

/** @returns the module `node:test` of a task */
export function createTest(task: Task, process: Process, tools: Tools): unknown {
  const report = shared.get(task) ?? createReport(task);
  const mock = createMocks();
  const root = new Node({ ...tools, mock, report }, 'root', '', {}, () => {});
  const on = process.once as (name: string, listener: () => void) => void;
  on.call(process, 'beforeExit', () => {
    root.runHooks('after').catch((error: unknown) => task.onUncaught?.(error));
  });
  on.call(process, 'exit', () => {
    root.abandon();
    const passed = shared.has(task) ? !root.children.some(counts) : report.close();
    if (!passed) process.exitCode = 1;
  });
  return createTestModule(root, mock);
}

/** Which files `node --test` runs by itself ("Running tests from the command line"). */
const testFile = /(?:^|\/)(?:test\/.*|test|test-[^/]*|[^/]*[._-]test)\.[cm]?[jt]s$/;

function* listTests(directory: string, prefix = ''): Generator<string> {
  for (const name of (fs.readdirSync(joinPath(directory, prefix)) as string[]).sort()) {
    const path = prefix + name;
    if (name === 'node_modules') continue;
    const stats = fs.lstatSync(joinPath(directory, path));
    if (stats.isDirectory()) yield* listTests(directory, `${path}/`);
    else if (testFile.test(path) && !/\.d\.[cm]?ts$/.test(path)) yield path;
  }
}

/**
 * Runs test files, one after the other.
 *
 * @param names their paths; none means those that are called as tests are
 * @returns the exit code
 */
export async function runTestFiles(task: Task, names: readonly string[], execArgv: readonly string[]): Promise<number> {
  const report = createReport(task);
  const missing = names.find((name) => !fs.statSync(joinPath(task.cwd, name), { throwIfNoEntry: false })?.isFile());
  if (missing !== undefined) {
    task.write(2, Buffer.from(`Could not find '${missing}'\n`));
    return 1;
  }
  for (const name of names.length > 0 ? names : listTests(task.cwd)) {
    const before = report.count;
    const began = performance.now();
    const child = start({
      argv: ['node', ...execArgv, joinPath(task.cwd, name)],
      env: task.env,
      cwd: task.cwd,
      stdin: Pipe.of(),
      stdout: (chunk) => task.write(1, chunk),
      stderr: (chunk) => task.write(2, chunk),
      parent: task,
    });
    // It begins in a later microtask.
    shared.set(child, report);
    const stop = () => void child.kill('SIGKILL');
    task.cleanups.add(stop);
    const { exitCode, signal } = await task.holdFor(child.exited);
    task.cleanups.delete(stop);
    const well = exitCode === 0;
    // As in Node, a file without tests is one itself, and one that fails beside its tests too.
    if (report.count === before || (!well && !report.hasFailedSince(before))) {
      const error = well ? undefined : new Error(`test failed: the file ended with ${signal ?? `code ${exitCode}`}`);
      report.ended({
        ...{ name, kind: 'test', depth: 0, parent: undefined, children: [], diagnostics: [] },
        ...{ skip: false, todo: false, isFailed: !well, error, milliseconds: performance.now() - began },
      });
    }
  }
  return report.close() ? 0 : 1;
}
