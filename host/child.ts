import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that is to run as long as the platform does. */
export interface ChildOptions {
  /** As it is called on the terminal: `edge`, `runner 0`. */
  name: string;
  command: string;
  args: string[];
  /** The whole environment of the process. */
  env: NodeJS.ProcessEnv;
  /** Descriptors that the process inherits as 3, 4, … */
  sockets?: number[];
  /** Whether it talks to the supervisor over an IPC channel, and ends when that closes. */
  ipc?: boolean;
  /** Called each time it starts, with the new process. */
  onStart?: (child: ChildProcess) => void;
  /** Called when it has ended by a fault of its own; with how, as in `with code 1`, which is how workerd ends by those. */
  onCrash?: (how: string) => void;
  /** Takes a line that it prints; true when that is not to be reported. */
  onLine?: (line: string) => boolean;
  report: (line: string) => void;
}

/** How long a process that was told to stop may take before it is killed. Milliseconds. */
const STOP_PATIENCE_MS = 5_000;

/** How long one that is replaced may take for what it has begun: what Heroku gives a process after SIGTERM. */
const DRAIN_PATIENCE_MS = 30_000;

/** How long the one in its place may take to start before the old one ends all the same. Milliseconds. */
const READY_PATIENCE_MS = 20_000;

/** How long the last of a killed process group may take to be gone. Milliseconds. */
const GROUP_PATIENCE_MS = 500;

/** By which others end a process. */
const FROM_OUTSIDE = new Set<NodeJS.Signals>(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']);

/** One that ran this long is started again at once; sooner, after a wait that doubles. Milliseconds. */
const STABLE_MS = 10_000;
const MAX_WAIT_MS = 10_000;

const setpriv = process.platform === 'linux' && ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** A command that ends when its parent does, however that ends, where the system can do that (Linux's util-linux). */
export const tiedToParent = (command: string, args: string[]): [string, string[]] =>
  setpriv ? [setpriv, ['--pdeathsig', 'KILL', command, ...args]] : [command, args];

/** Ends what is left of a process group, and waits for that as long as a zombie nobody collects may let it. */
async function endGroup(leader: number): Promise<void> {
  try {
    process.kill(-leader, 'SIGKILL');
    for (const end = Date.now() + GROUP_PATIENCE_MS; Date.now() < end; await delay(5)) process.kill(-leader, 0);
  } catch {
    // ESRCH: the group is empty.
  }
}

/** Keeps one process running: starts it, starts it again when it ends, and stops it for good when told. */
export class Child {
  readonly #options: ChildOptions;
  #env: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #startedAt = 0;
  #wait = 0;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#env = options.env;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Ends the process at once; it is started again. */
  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Ends the process politely and starts it again, with `env` as its environment from now on. */
  async restart(env = this.#env): Promise<void> {
    this.#env = env;
    await this.stop();
    this.#stopping = false;
    this.#start();
  }

  /**
   * Has a new process take the place of the present one, which accepts no more connections on the sockets that both
   * have, and ends when it has answered what it had begun.
   * @param ready resolves when the new process answers
   */
  async replace(ready: Promise<void>): Promise<void> {
    const old = this.#process;
    this.#start();
    await Promise.race([ready, delay(READY_PATIENCE_MS)]);
    if (!old || old.exitCode !== null || old.signalCode !== null) return;
    const ended = new Promise((resolve) => old.once('exit', resolve));
    old.kill('SIGTERM');
    const force = setTimeout(() => old.kill('SIGKILL'), DRAIN_PATIENCE_MS);
    await ended;
    clearTimeout(force);
    if (old.pid) await endGroup(old.pid);
  }

  /** Ends the process for good, and what it started with it: politely, then by force. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await ended;
    clearTimeout(force);
    if (child.pid) await endGroup(child.pid);
  }

  #start(): void {
    const { name, sockets = [], ipc, onStart, onLine, report } = this.#options;
    const [command, args] = tiedToParent(this.#options.command, this.#options.args);
    // A session of its own: Ctrl-C reaches the supervisor alone, which stops the parts in order.
    const child = spawn(command, args, {
      env: this.#env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...sockets, ...(ipc ? (['ipc'] as const) : [])],
    });
    this.#process = child;
    this.#startedAt = Date.now();
    for (const stream of [child.stdout, child.stderr]) {
      if (stream)
        createInterface({ input: stream }).on('line', (line) => onLine?.(line) || report(`${name} | ${line}`));
    }
    child.once('error', (error) => report(`${name} cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      // One that another has taken the place of ends as it was told.
      if (child === this.#process) this.#ended(code, signal);
    });
    onStart?.(child);
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#stopping) return;
    const stable = Date.now() - this.#startedAt > STABLE_MS;
    this.#wait = stable ? 0 : Math.min(MAX_WAIT_MS, this.#wait * 2 || 100);
    const how = signal ? `by signal ${signal}` : `with code ${code}`;
    if (signal ? !FROM_OUTSIDE.has(signal) : code !== 0) this.#options.onCrash?.(how);
    this.#options.report(`${this.#options.name} ended ${how}; it is started again`);
    this.#restart = setTimeout(() => this.#start(), this.#wait);
  }
}
