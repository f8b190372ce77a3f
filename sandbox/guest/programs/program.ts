/** What a program of the machine is, and how a command finds its program. A new program is one file in this folder. */
import { resolve as joinPath } from 'node:path';
import { isTsx } from '../node/typescript.ts';
import { Pipe } from '../pipe.ts';
import { type Environment, Task, TaskEnded, type TaskOptions } from '../task.ts';
import { fs } from '../tree.ts';

export interface Program {
  /** The names it is called by. */
  names: readonly string[];
  /**
   * Runs as a task: `task.argv[0]` is the name it was called by.
   *
   * @returns the exit code; a program may also end the task itself
   */
  run(task: Task): Promise<number>;
}

const programs = new Map<string, Program>();
/** Runs files that say by their content that they are WebAssembly. */
let wasmProgram: Program | undefined;

export function register(program: Program): void {
  for (const name of program.names) programs.set(name, program);
  if (program.names.includes('wasi')) wasmProgram = program;
}

export function programNames(): string[] {
  return [...programs.keys()];
}

/** Where programs stand, for those who look them up by path. */
const programPath = /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/;

/** A program with the arguments it needs before those of the command. */
export interface Command {
  program: Program;
  argv: string[];
}

const isFile = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * Finds what a command line's words mean, as `execvp` does.
 *
 * @returns undefined when there is no such command
 */
export function findCommand(argv: string[], { env, cwd }: { env: Environment; cwd: string }): Command | undefined {
  const [name = '', ...rest] = argv;
  if (name.includes('/')) {
    const path = joinPath(cwd, name);
    if (isFile(path)) return commandOf(path, rest, { env, cwd });
    const base = programPath.exec(path)?.[1];
    const program = base === undefined ? undefined : programs.get(base);
    return program && { program, argv: [base as string, ...rest] };
  }
  const path = findFile(name, { env, cwd });
  if (path !== undefined) return commandOf(path, rest, { env, cwd });
  const program = programs.get(name);
  return program && { program, argv };
}

function findFile(name: string, { env, cwd }: { env: Environment; cwd: string }): string | undefined {
  if (name.includes('/')) return isFile(joinPath(cwd, name)) ? joinPath(cwd, name) : undefined;
  const directories = (env.PATH ?? '').split(':').filter((directory) => directory !== '');
  return directories.map((directory) => joinPath(cwd, directory, name)).find(isFile);
}

/** Stands in for files that are machine code: ELF, Mach-O and Windows executables. */
const nativeCode: Program = {
  names: [],
  async run(task) {
    const message = `${task.argv[0]} is native code, which does not run in the sandbox. Use the package's WebAssembly build, or another package.`;
    task.write(2, Buffer.from(`${message}\n`));
    return 126;
  },
};
const nativeMagic = /^(?:\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|MZ)/;

/** As deep as interpreters that are scripts themselves may be, as Linux has it (execve(2)). */
const maxInterpreters = 4;

/** The program for a file: by its first bytes, as the kernel does, or by its extension. */
function commandOf(
  path: string,
  rest: string[],
  place: { env: Environment; cwd: string },
  depth = 0,
): Command | undefined {
  const tsx = isTsx(String(fs.realpathSync(path))) ? programs.get('tsx') : undefined;
  if (tsx) return { program: tsx, argv: ['tsx', ...rest] };
  const head = Buffer.alloc(256);
  const fd = fs.openSync(path, 'r');
  const length = fs.readSync(fd, head, 0, head.length, 0);
  fs.closeSync(fd);
  const magic = head.toString('latin1', 0, 4);
  if (nativeMagic.test(magic)) return { program: nativeCode, argv: [path, ...rest] };
  if (magic === '\0asm' && wasmProgram) return { program: wasmProgram, argv: [path, ...rest] };
  const line = /^#!\s*(.*)/.exec(head.toString('utf8', 0, length))?.[1]?.trim();
  const words = line?.split(/\s+/) ?? [];
  if (words[0]?.endsWith('/env')) {
    words.shift();
    while (words[0]?.startsWith('-') || words[0]?.includes('=')) words.shift();
  }
  const interpreter = words[0]?.split('/').at(-1) ?? (/\.[cm]?[jt]s$/.test(path) ? 'node' : 'sh');
  const program = programs.get(interpreter);
  const argv = [...words.slice(1), path, ...rest];
  if (program) return { program, argv: [interpreter, ...argv] };
  const script = words[0] === undefined || depth === maxInterpreters ? undefined : findFile(words[0], place);
  return script === undefined ? undefined : commandOf(script, argv, place, depth + 1);
}

/**
 * Starts a command as a task of its own.
 *
 * @throws Error with code ENOENT when there is no such command or directory, EAGAIN when there are too many tasks
 */
export function start(options: TaskOptions): Task {
  const { argv, env, cwd } = options;
  const command = findCommand(argv, options);
  if (command === undefined || !fs.existsSync(cwd)) {
    throw Object.assign(new Error(`spawn ${argv[0]} ENOENT`), {
      code: 'ENOENT',
      errno: -2,
      syscall: `spawn ${argv[0]}`,
      path: argv[0],
      spawnargs: argv.slice(1),
    });
  }
  const task = new Task({ ...options, argv: command.argv, env: { ...env } });
  void task.enter(() => runToEnd(task, command.program));
  return task;
}

async function runToEnd(task: Task, program: Program): Promise<void> {
  // Who starts it may have more to give it first.
  await Promise.resolve();
  try {
    const exitCode = await program.run(task);
    task.end({ exitCode, signal: null });
  } catch (error) {
    if (error instanceof TaskEnded) return;
    task.write(2, Buffer.from(`${task.argv[0]}: ${error instanceof Error ? error.message : error}\n`));
    task.end({ exitCode: 1, signal: null });
  }
}

/** Runs a command with its output collected. */
export async function capture(
  options: Omit<TaskOptions, 'stdout' | 'stderr'>,
): Promise<{ task: Task; stdout: Buffer; stderr: Buffer }> {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const task = start({
    stdin: Pipe.of(),
    ...options,
    stdout: (chunk) => stdout.push(chunk),
    stderr: (chunk) => stderr.push(chunk),
  });
  await task.exited;
  return { task, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}
