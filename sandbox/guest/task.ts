/** The machine's processes. A task is one command: its arguments, environment, directory, standard streams and end. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Exit } from '../protocol.ts';
import { Pipe } from './pipe.ts';

export type Environment = Record<string, string>;
/** Takes what a command writes. */
export type Sink = (chunk: Uint8Array) => void;

export interface TaskOptions {
  argv: string[];
  env: Environment;
  cwd: string;
  stdin?: Pipe;
  stdout: Sink;
  stderr: Sink;
  parent?: Task;
}

/** Thrown through a program's own code to end it, by `process.exit` or a signal. */
export class TaskEnded extends Error {
  override name = 'TaskEnded';
}

/** The most tasks at one time: what a fork bomb meets. */
const maxTasks = 256;
/** Numbers of the signals that a shell reports as 128 + n. */
export const signalNumbers: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
};

const context = new AsyncLocalStorage<Task>();
let latest: Task | undefined;
let lastPid = 1;

/** The tasks that run now, by pid. */
export const tasks = new Map<number, Task>();

/** The task whose code runs. Where the engine has lost track of it (a rejection nobody handled), the one started last. */
export function currentTask(): Task | undefined {
  return context.getStore() ?? latest;
}

export class Task {
  readonly pid: number;
  readonly ppid: number;
  argv: string[];
  env: Environment;
  cwd: string;
  readonly stdin: Pipe;
  readonly parent: Task | undefined;
  readonly exited: Promise<Exit>;
  /** Asked before a signal ends the task; true keeps it alive, as a handler does. */
  onSignal: ((signal: string) => boolean) | undefined;
  /** Takes what a callback throws. */
  onUncaught: ((error: unknown) => void) | undefined;
  /** Takes the error that ends the task, in place of standard error: that of a worker is for its parent. */
  onFailure: ((error: unknown) => void) | undefined;
  /** Called once when the task ends, to stop what it started. */
  readonly cleanups = new Set<() => void>();
  exit: Exit | undefined;
  readonly #stdout: Sink;
  readonly #stderr: Sink;
  readonly #resolveExited: (exit: Exit) => void;
  #holds = 0;
  #onIdle: (() => void) | undefined;

  /** @throws Error with code EAGAIN when there are too many tasks */
  constructor({ argv, env, cwd, stdin = Pipe.of(), stdout, stderr, parent }: TaskOptions) {
    if (tasks.size >= maxTasks) {
      throw Object.assign(new Error(`spawn ${argv[0]} EAGAIN: more than ${maxTasks} processes at one time`), {
        code: 'EAGAIN',
        syscall: 'spawn',
      });
    }
    this.pid = ++lastPid;
    this.ppid = parent?.pid ?? 1;
    this.argv = argv;
    this.env = env;
    this.cwd = cwd;
    this.stdin = stdin;
    this.parent = parent;
    this.#stdout = stdout;
    this.#stderr = stderr;
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.exited = promise;
    this.#resolveExited = resolve;
    tasks.set(this.pid, this);
    latest = this;
  }

  /** Writes to standard output (1) or error (2). What a task writes after its end goes nowhere. */
  write(fd: 1 | 2, chunk: Uint8Array): void {
    if (this.exit === undefined) (fd === 1 ? this.#stdout : this.#stderr)(chunk);
  }

  /** Runs code as this task. */
  enter<Result>(work: () => Result): Result {
    return context.run(this, work);
  }

  /** Runs a callback at the top of the stack as this task, unless it has ended: what it throws is an uncaught exception. */
  dispatch(work: () => unknown): void {
    if (this.exit !== undefined) return;
    try {
      this.enter(work);
    } catch (error) {
      if (error instanceof TaskEnded) return;
      if (this.onUncaught === undefined) throw error;
      this.onUncaught(error);
    }
  }

  /** Keeps the task from ending while something is under way; call what it returns when that is over. */
  hold(): () => void {
    this.#holds += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      if (this.#holds === 0) this.#onIdle?.();
    };
  }

  /** Holds the task until a promise settles. */
  holdFor<Result>(promise: Promise<Result>): Promise<Result> {
    const release = this.hold();
    promise.then(release, release);
    return promise;
  }

  get idle(): boolean {
    return this.#holds === 0;
  }

  /** Resolves when nothing holds the task any more. */
  async whenIdle(): Promise<void> {
    while (!this.idle) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  /** Ends the task. The first end counts. */
  end(exit: Exit): void {
    if (this.exit !== undefined) return;
    this.exit = exit;
    tasks.delete(this.pid);
    if (latest === this) latest = [...tasks.values()].at(-1);
    for (const cleanup of this.cleanups) cleanup();
    this.#onIdle?.();
    this.#resolveExited(exit);
  }

  /** Delivers a signal, `SIGTERM` and the like; 0 only asks whether the task lives. */
  kill(signal: string): boolean {
    if (this.exit !== undefined) return false;
    if (signal !== 'SIGKILL' && this.onSignal?.(signal)) return true;
    this.end({ exitCode: null, signal });
    return true;
  }
}

/** What a shell says in `$?`. */
export function shellStatus({ exitCode, signal }: Exit): number {
  return exitCode ?? 128 + (signalNumbers[signal ?? ''] ?? 1);
}
