/** A toolchain of WASI programs at work for one build. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultLimits, LimitError, type Limits } from '../../../../sandbox/limits.ts';
import { watchMemory } from '../../../../sandbox/memory.ts';
import type { Found, FromProcess, ToolchainOptions, ToolRequest, ToolResult, ToProcess } from './protocol.ts';

export type { Found, ToolRequest, ToolResult } from './protocol.ts';

const processFile = fileURLToPath(new URL('process.ts', import.meta.url));
const library = dirname(dirname(fileURLToPath(import.meta.resolve('@bjorn3/browser_wasi_shim'))));

/** A program's request, with what may be left out. */
export type Run = Pick<ToolRequest, 'program' | 'argv'> & Partial<ToolRequest>;

export class Toolchain {
  readonly #child: ChildProcess;
  readonly #runs = new Map<number, PromiseWithResolvers<ToolResult>>();
  readonly #closers: (() => void)[] = [];
  readonly #find: (path: string) => Promise<Found>;
  #count = 0;
  #failure: Error | undefined;

  /**
   * @param find gets what a program looks for among the paths that it `wants`, relative to its root
   * @param limits those of memory and time count
   */
  constructor(
    options: Pick<ToolchainOptions, 'programs' | 'mounts' | 'output'>,
    { find, limits, signal }: { find: (path: string) => Promise<Found>; limits: Partial<Limits>; signal: AbortSignal },
  ) {
    const { memoryMiB, wallMs } = { ...defaultLimits, ...limits };
    this.#find = find;
    const { programs, mounts, output } = options;
    const readable = [dirname(processFile), library, output, ...Object.values(programs), ...Object.values(mounts)];
    this.#child = fork(processFile, {
      cwd: '/',
      env: {},
      execArgv: [
        '--permission',
        '--expose-gc',
        '--allow-worker',
        ...[...new Set(readable)].map((path) => `--allow-fs-read=${path}`),
        `--allow-fs-write=${output}`,
        '--disable-warning=SecurityWarning',
      ],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let lastWords = '';
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk).slice(-2000);
    });
    this.#child.on('message', (message) => this.#receive(message as FromProcess));
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.once('exit', (code, how) =>
      this.#fail(new Error(`the toolchain ended (${how ?? code}) ${lastWords}`.trim())),
    );
    const abort = () => this.#fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const wall = setTimeout(() => this.#fail(new LimitError('wallMs', wallMs, wallMs)), wallMs);
    this.#closers.push(
      () => clearTimeout(wall),
      () => signal.removeEventListener('abort', abort),
      watchMemory(
        () => (this.#child.pid === undefined ? [] : [this.#child.pid]),
        memoryMiB,
        (used) => this.#fail(new LimitError('memoryMiB', memoryMiB, used)),
      ),
    );
    this.#post({ start: { ...options, parallelism: availableParallelism() } });
  }

  /**
   * Runs a program to its end.
   *
   * @throws LimitError when the build crosses a limit
   */
  async run(run: Run): Promise<ToolResult> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#count;
    const waiting = Promise.withResolvers<ToolResult>();
    this.#runs.set(id, waiting);
    this.#post({ id, run: { env: {}, files: {}, owned: [], outputs: {}, wants: [], ...run } });
    return waiting.promise;
  }

  /** Ends the process; programs under way fail. */
  close(): void {
    this.#fail(new Error('the toolchain is closed'));
  }

  #post(message: ToProcess): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #receive(message: FromProcess): void {
    if ('want' in message) {
      this.#find(message.path).then(
        (what) => this.#post({ found: message.want, what }),
        (error: Error) => this.#fail(error),
      );
      return;
    }
    const run = this.#runs.get(message.id);
    this.#runs.delete(message.id);
    if ('result' in message) run?.resolve(message.result);
    else run?.reject(new Error(message.error));
  }

  #fail(reason: Error): void {
    if (this.#failure) return;
    this.#failure = reason;
    for (const closer of this.#closers) closer();
    this.#child.kill('SIGKILL');
    for (const { reject } of this.#runs.values()) reject(reason);
  }
}
