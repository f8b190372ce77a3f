/**
 * The `Sync` forms of `node:child_process`.
 *
 * All programs of the machine share one thread, so a program that is waited for must do all its work before it returns. A
 * CommonJS program or an ES module without `await` does; so do the commands below, and the scripts and commands of
 * packages that come to such programs. Of others the error says why they cannot.
 */
import { posix } from 'node:path';
import { Pipe } from '../pipe.ts';
import { type Line, linesOf } from '../programs/npm.ts';
import { findCommand, type Program } from '../programs/program.ts';
import { type Sink, Task, TaskEnded } from '../task.ts';
import { fs } from '../tree.ts';
import { type Clause, parseSimpleScript } from './simple-script.ts';

export interface SyncOptions {
  cwd?: string | URL | undefined;
  env?: Record<string, string | undefined> | undefined;
  shell?: boolean | string;
  input?: string | Uint8Array;
  encoding?: string | null;
}

export interface SyncResult {
  pid: number;
  status: number | null;
  signal: string | null;
  output: unknown[];
  stdout: unknown;
  stderr: unknown;
  error?: Error;
}

/** Runs a task's JavaScript to its end at once; the Node program registers itself here. */
export const synchronousNode: { run: (task: Task) => void } = {
  run: () => {
    throw new Error('the Node program is not registered');
  },
};

interface Context {
  task: Task;
  argv: string[];
  say: (text: string) => void;
}

/** Small commands that programs like to wait for. Each returns its exit code. */
const commands: Record<string, (context: Context) => number> = {
  echo: ({ argv, say }) => {
    const newline = argv[1] === '-n' ? '' : '\n';
    say(argv.slice(newline === '' ? 2 : 1).join(' ') + newline);
    return 0;
  },
  true: () => 0,
  false: () => 1,
  pwd: ({ task, say }) => {
    say(`${task.cwd}\n`);
    return 0;
  },
  uname: ({ say }) => {
    say('Linux\n');
    return 0;
  },
  cat: ({ task, argv }) => {
    for (const file of argv.slice(1)) {
      task.write(1, new Uint8Array(fs.readFileSync(posix.resolve(task.cwd, file), 'buffer') as Buffer));
    }
    return 0;
  },
  mkdir: ({ task, argv }) => {
    for (const directory of argv.slice(1)) {
      if (directory !== '-p') fs.mkdirSync(posix.resolve(task.cwd, directory), { recursive: argv[1] === '-p' });
    }
    return 0;
  },
  rm: ({ task, argv }) => {
    for (const file of argv.slice(1)) {
      if (!file.startsWith('-')) fs.rmSync(posix.resolve(task.cwd, file), { recursive: true, force: true });
    }
    return 0;
  },
  cp: ({ task, argv }) => {
    const [from = '', to = ''] = argv.slice(1).filter((word) => !word.startsWith('-'));
    const target = posix.resolve(task.cwd, to);
    const into = fs.statSync(target, { throwIfNoEntry: false })?.isDirectory()
      ? posix.join(target, posix.basename(from))
      : target;
    fs.cpSync(posix.resolve(task.cwd, from), into, { recursive: true });
    return 0;
  },
  which: ({ task, argv, say }) => {
    const name = argv[1] ?? '';
    if (!findCommand([name], task)) return 1;
    say(`/usr/local/bin/${name}\n`);
    return 0;
  },
};

export function runSync(
  parent: Task,
  argv: string[],
  {
    env,
    cwd,
    input,
    encoding,
    streams,
  }: SyncOptions & { env: Record<string, string>; cwd: string; streams: unknown[] },
): SyncResult {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const sink = (fd: 1 | 2, chunks: Uint8Array[]) => {
    const target = streams[fd];
    if (target === 'inherit' || target === 1 || target === 2) {
      return (chunk: Uint8Array) => parent.write(target === 'inherit' ? fd : target, chunk);
    }
    return (chunk: Uint8Array) => {
      chunks.push(chunk);
    };
  };
  let status: number | null = null;
  let signal: string | null = null;
  let error: Error | undefined;
  let pid = 0;
  try {
    const clauses =
      argv[0] === 'sh' && argv[1] === '-c' ? parseSimpleScript(argv[2] ?? '', env) : [{ argv, joined: ';' as const }];
    const place = { env, cwd, parent, streams, stdout: sink(1, stdout), stderr: sink(2, stderr) };
    const stdin = typeof input === 'string' ? Buffer.from(input) : input;
    const last = runClauses(clauses, { ...place, stdin });
    pid = last?.pid ?? 0;
    status = last?.exit?.exitCode ?? (last ? null : 0);
    signal = last?.exit?.signal ?? null;
  } catch (thrown) {
    error = thrown as Error;
    status = null;
  }
  const text = (chunks: Uint8Array[]): unknown => {
    const bytes = Buffer.concat(chunks);
    return !encoding || encoding === 'buffer' ? bytes : bytes.toString(encoding as BufferEncoding);
  };
  const out = text(stdout);
  const err = text(stderr);
  return { pid, status, signal, output: [null, out, err], stdout: out, stderr: err, ...(error && { error }) };
}

interface Place {
  env: Record<string, string>;
  cwd: string;
  parent: Task;
  /** What the caller asked for as standard streams. */
  streams: unknown[];
  stdin: Uint8Array | undefined;
  stdout: Sink;
  stderr: Sink;
}

/** @returns the last command that ran */
function runClauses(clauses: readonly Clause[], place: Place): Task | undefined {
  const { env, parent, streams, stdin, stdout, stderr } = place;
  let { cwd } = place;
  let last: Task | undefined;
  for (const { argv, env: assigned, joined } of clauses) {
    const status = last ? last.exit?.exitCode : 0;
    if ((joined === '&&' && status !== 0) || (joined === '||' && status === 0)) continue;
    const options = { argv, env: { ...env, ...assigned }, cwd, stdin: Pipe.of(stdin), stdout, stderr, parent };
    last = new Task(options);
    if (argv[0] === 'cd') {
      cwd = posix.resolve(cwd, argv[1] ?? env.HOME ?? '/');
      last.end({ exitCode: fs.existsSync(cwd) ? 0 : 1, signal: null });
    } else runClause(last, argv, streams);
  }
  return last;
}

/** Runs lines of shell as a task, up to the first that fails. */
function runLines(task: Task, lines: readonly Line[], streams: unknown[]): void {
  let last: Task | undefined;
  for (const { title, line, env } of lines) {
    if (title !== '') task.write(1, Buffer.from(title));
    last = runClauses(parseSimpleScript(line, env), {
      env,
      cwd: task.cwd,
      parent: task,
      streams,
      stdin: undefined,
      stdout: (chunk) => task.write(1, chunk),
      stderr: (chunk) => task.write(2, chunk),
    });
    if (last?.exit?.exitCode !== 0) break;
  }
  task.end(last?.exit ?? { exitCode: 0, signal: null });
}

/** The lines that a shell or a package manager would run, where they can be told without running it. */
function linesToRun(program: Program, task: Task): Line[] | undefined {
  if (program.names.includes('npm') || program.names.includes('npx')) return linesOf(task);
  const [option, line] = task.argv.slice(1);
  return program.names.includes('sh') && option === '-c' ? [{ title: '', line: line ?? '', env: task.env }] : undefined;
}

function runClause(task: Task, argv: string[], streams: unknown[]): void {
  const name = (argv[0] ?? '').split('/').at(-1) ?? '';
  const found = findCommand(argv, task);
  if (found?.program.names.includes('node')) {
    task.argv = found.argv;
    try {
      task.enter(() => synchronousNode.run(task));
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
      task.kill('SIGKILL');
      throw cannotWait(argv, 'it or a module that it imports has an `await` at its top level');
    }
    if (task.exit === undefined) {
      task.kill('SIGKILL');
      throw cannotWait(argv, 'it goes on after its last statement (a timer, a promise or a child process)');
    }
    return;
  }
  if (found) {
    task.argv = found.argv;
    const lines = linesToRun(found.program, task);
    if (lines) {
      runLines(task, lines, streams);
      return;
    }
  }
  const command = commands[name];
  if (command && !found) {
    let exitCode: number;
    try {
      exitCode = task.enter(() => command({ task, argv, say: (text) => task.write(1, Buffer.from(text)) }));
    } catch (error) {
      if (error instanceof TaskEnded) return;
      task.write(2, Buffer.from(`${name}: ${(error as Error).message}\n`));
      exitCode = 1;
    }
    task.end({ exitCode, signal: null });
    return;
  }
  task.end({ exitCode: 127, signal: null });
  if (found) throw cannotWait(argv, 'it is not a JavaScript program');
  if (streams.length > 0 && argv.length > 0) {
    throw Object.assign(new Error(`spawnSync ${argv[0]} ENOENT`), {
      code: 'ENOENT',
      errno: -2,
      syscall: `spawnSync ${argv[0]}`,
      path: argv[0],
      spawnargs: argv.slice(1),
    });
  }
}

function cannotWait(argv: string[], why: string): Error {
  return Object.assign(
    new Error(
      `spawnSync ${argv.join(' ')}: the sandbox cannot wait for this command, because ${why}. Use the form without "Sync".`,
    ),
    { code: 'ERR_SANDBOX_SYNC' },
  );
}
