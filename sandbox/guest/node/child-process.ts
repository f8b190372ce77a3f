/** `node:child_process` of a task: commands of the machine. */
import { EventEmitter } from 'node:events';
import { resolve as joinPath } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Pipe } from '../pipe.ts';
import { start } from '../programs/program.ts';
import { startable } from '../shell.ts';
import type { Sink, Task } from '../task.ts';
import type { Process } from './process.ts';
import { runSync, type SyncOptions } from './run-sync.ts';

export interface SpawnOptions extends SyncOptions {
  stdio?: string | (string | number | null | undefined | object)[];
  signal?: AbortSignal;
  timeout?: number;
  killSignal?: string;
  detached?: boolean;
  execArgv?: string[];
  execPath?: string;
  /** How messages are copied: as JSON unless it is `advanced`. */
  serialization?: string;
  silent?: boolean;
  encoding?: string | null;
  maxBuffer?: number;
}

type Callback = (error: Error | null, stdout: unknown, stderr: unknown) => void;

/** Messages between a task and the parent that forked it. */
interface MessagePort {
  send(message: unknown): void;
  disconnect(): void;
}

/** What a forked task finds: its end of the channel. */
const channels = new WeakMap<Task, { attach: (process: Process) => void }>();

/** Gives `process` of a forked task its `send`, `disconnect` and messages. */
export function attachChannel(task: Task, process: Process): void {
  channels.get(task)?.attach(process);
}

export function createChildProcess(task: Task): Record<string, unknown> {
  class ChildProcess extends EventEmitter {
    pid: number | undefined;
    exitCode: number | null = null;
    signalCode: string | null = null;
    killed = false;
    connected = false;
    stdin: Writable | null = null;
    stdout: Readable | null = null;
    stderr: Readable | null = null;
    stdio: (Readable | Writable | null)[] = [];
    spawnfile = '';
    spawnargs: string[] = [];
    child: Task | undefined;
    port: MessagePort | undefined;
    release: () => void = () => {};

    kill(signal: string | number = 'SIGTERM'): boolean {
      if (!this.child) return false;
      if (signal === 0) return this.child.exit === undefined;
      const delivered = this.child.kill(typeof signal === 'string' ? signal : 'SIGTERM');
      this.killed ||= delivered;
      return delivered;
    }

    send(message: unknown, ...rest: unknown[]): boolean {
      this.port?.send(message);
      const callback = rest.at(-1);
      if (typeof callback === 'function') queueMicrotask(() => callback(null));
      return this.port !== undefined;
    }

    disconnect(): void {
      this.port?.disconnect();
    }

    ref(): this {
      return this;
    }

    unref(): this {
      this.release();
      return this;
    }

    [Symbol.dispose](): void {
      this.kill();
    }
  }

  const spawn = (file: string, ...rest: unknown[]): ChildProcess => {
    const { args, options } = normalize(rest);
    const argv = commandLine(file, args, options);
    const child = new ChildProcess();
    child.spawnfile = argv[0] ?? '';
    child.spawnargs = argv;
    const stdio = standardStreams(options.stdio);
    const stdin = stdio[0] === 'pipe' ? new Pipe() : stdio[0] === 'inherit' || stdio[0] === 0 ? task.stdin : Pipe.of();
    const outputs = [1, 2].map((fd) => output(task, stdio[fd], fd as 1 | 2));
    const [stdout, stderr] = outputs as [Output, Output];

    if (stdio[0] === 'pipe') child.stdin = pipeWriter(stdin);
    child.stdout = stdout.stream;
    child.stderr = stderr.stream;
    child.stdio = [child.stdin, child.stdout, child.stderr];
    child.release = task.hold();

    try {
      const place = { env: environment(options.env) ?? { ...task.env }, cwd: directory(task, options.cwd) };
      child.child = start({
        argv: startable(argv, place),
        ...place,
        stdin,
        stdout: stdout.sink,
        stderr: stderr.sink,
        parent: task,
      });
    } catch (error) {
      queueMicrotask(() =>
        task.dispatch(() => {
          child.release();
          child.exitCode = -2;
          stdout.stream?.push(null);
          stderr.stream?.push(null);
          child.emit('error', error);
          child.emit('close', -2, null);
        }),
      );
      return child;
    }
    const started = child.child;
    child.pid = started.pid;
    if (!options.detached) task.cleanups.add(() => started.kill('SIGKILL'));
    if (stdio.includes('ipc')) connect(task, child, started, options);

    queueMicrotask(() => task.dispatch(() => child.emit('spawn')));
    const abort = () => {
      if (child.kill(options.killSignal)) {
        child.emit(
          'error',
          Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }),
        );
      }
    };
    if (options.signal?.aborted) abort();
    else options.signal?.addEventListener('abort', abort, { once: true });
    const timer = options.timeout ? setTimeout(() => child.kill(options.killSignal), options.timeout) : undefined;

    void started.exited.then(({ exitCode, signal }) =>
      task.dispatch(() => {
        clearTimeout(timer);
        child.exitCode = exitCode;
        child.signalCode = signal;
        stdout.stream?.push(null);
        stderr.stream?.push(null);
        child.port?.disconnect();
        child.emit('exit', exitCode, signal);
        const close = () => {
          child.release();
          child.emit('close', exitCode, signal);
        };
        // `close` comes when everything written was read, or the streams that nobody reads are left.
        const open = [stdout.stream, stderr.stream].filter(
          (stream) => stream?.readableFlowing && !stream.readableEnded,
        );
        let left = open.length;
        if (left === 0) setImmediate(close);
        for (const stream of open) {
          stream?.once('close', () => {
            left -= 1;
            if (left === 0) close();
          });
        }
      }),
    );
    return child;
  };

  const execFile = (file: string, ...rest: unknown[]): ChildProcess => {
    const callback = rest.find((value): value is Callback => typeof value === 'function');
    const { args, options } = normalize(rest.filter((value) => typeof value !== 'function'));
    const child = spawn(file, args, { ...options, stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    let failed: Error | undefined;
    child.on('error', (error) => {
      failed = error;
    });
    child.on('close', (code, signal) => {
      const encoding = options.encoding === undefined ? 'utf8' : options.encoding;
      const text = (chunks: Buffer[]): unknown => {
        const bytes = Buffer.concat(chunks);
        return encoding === null || encoding === 'buffer' ? bytes : bytes.toString(encoding as BufferEncoding);
      };
      const out = text(stdout);
      const err = text(stderr);
      const command = child.spawnargs.join(' ');
      if (!failed && (code !== 0 || signal !== null)) {
        failed = Object.assign(new Error(`Command failed: ${command}\n${err}`), {
          code,
          killed: child.killed,
          signal,
          cmd: command,
        });
      }
      callback?.(failed ? Object.assign(failed, { stdout: out, stderr: err }) : null, out, err);
    });
    return child;
  };

  const exec = (command: string, ...rest: unknown[]): ChildProcess => {
    const callback = rest.find((value) => typeof value === 'function');
    const { options } = normalize(rest.filter((value) => typeof value !== 'function'));
    return execFile(command, [], { ...options, shell: options.shell || true }, callback);
  };

  const fork = (path: string | URL, ...rest: unknown[]): ChildProcess => {
    const { args, options } = normalize(rest);
    const stdio = options.stdio ?? (options.silent ? 'pipe' : 'inherit');
    const streams = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
    const file = String(path).startsWith('file:') ? fileURLToPath(String(path)) : String(path);
    return spawn('node', [...(options.execArgv ?? []), file, ...args], {
      ...options,
      shell: false,
      stdio: streams.includes('ipc') ? streams : [...streams, 'ipc'],
    });
  };

  const spawnSync = (file: string, ...rest: unknown[]) => {
    const { args, options } = normalize(rest);
    return runSync(task, commandLine(file, args, options), {
      ...options,
      env: environment(options.env) ?? { ...task.env },
      cwd: directory(task, options.cwd),
      streams: standardStreams(options.stdio),
    });
  };
  const execFileSync = (file: string, ...rest: unknown[]): unknown => {
    const { args, options } = normalize(rest);
    const result = spawnSync(file, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
    if (result.error) throw result.error;
    if (result.status !== 0) {
      const command = [file, ...args].join(' ');
      throw Object.assign(new Error(`Command failed: ${command}\n${result.stderr ?? ''}`), result);
    }
    return result.stdout;
  };

  const promise = (call: (...parameters: unknown[]) => ChildProcess, parameters: unknown[]) => {
    const { promise: settled, resolve, reject } = Promise.withResolvers<{ stdout: unknown; stderr: unknown }>();
    const child = call(...parameters, (error: Error | null, stdout: unknown, stderr: unknown) => {
      if (error) reject(error);
      else resolve({ stdout, stderr });
    });
    return Object.assign(settled, { child });
  };
  const custom = Symbol.for('nodejs.util.promisify.custom');
  return {
    ChildProcess,
    spawn,
    exec: Object.assign(exec, {
      [custom]: (...parameters: unknown[]) => promise(exec as (...p: unknown[]) => ChildProcess, parameters),
    }),
    execFile: Object.assign(execFile, {
      [custom]: (...parameters: unknown[]) => promise(execFile as (...p: unknown[]) => ChildProcess, parameters),
    }),
    fork,
    spawnSync,
    execFileSync,
    execSync: (command: string, options: SpawnOptions = {}) =>
      execFileSync(command, [], { ...options, shell: options.shell || true }),
  };

  function connect(parent: Task, child: ChildProcess, started: Task, { serialization }: SpawnOptions): void {
    let childProcess: Process | undefined;
    const waiting: unknown[] = [];
    let open = true;
    const clone = (message: unknown): unknown =>
      serialization === 'advanced' ? structuredClone(message) : JSON.parse(JSON.stringify(message));
    const release = started.hold();
    release();
    const disconnect = () => {
      if (!open) return;
      open = false;
      child.connected = false;
      parent.dispatch(() => child.emit('disconnect'));
      if (childProcess && started.exit === undefined) {
        childProcess.connected = false;
        started.dispatch(() => childProcess?.emit('disconnect'));
      }
    };
    const deliver = (message: unknown) => {
      if (childProcess === undefined) waiting.push(message);
      else queueMicrotask(() => started.dispatch(() => childProcess?.emit('message', message, undefined)));
    };
    child.connected = true;
    child.port = { send: (message) => open && deliver(clone(message)), disconnect };
    channels.set(started, {
      attach: (process) => {
        childProcess = process;
        let hold: (() => void) | undefined;
        const update = () => {
          const listening = open && process.listenerCount('message') > 0;
          if (listening) hold ??= started.hold();
          else {
            hold?.();
            hold = undefined;
          }
        };
        process.connected = true;
        Object.assign(process, {
          channel: { ref: () => update(), unref: () => hold?.() },
          send: (message: unknown, ...rest: unknown[]) => {
            const copy = clone(message);
            const callback = rest.at(-1);
            queueMicrotask(() => {
              parent.dispatch(() => child.emit('message', copy, undefined));
              if (typeof callback === 'function') callback(null);
            });
            return open;
          },
          disconnect: () => {
            disconnect();
            update();
          },
        });
        process.on('newListener', (event) => event === 'message' && queueMicrotask(update));
        process.on('removeListener', (event) => event === 'message' && queueMicrotask(update));
        process.on('disconnect', update);
        for (const message of waiting.splice(0)) deliver(message);
      },
    });
  }
}

function normalize(rest: unknown[]): { args: string[]; options: SpawnOptions } {
  const args = Array.isArray(rest[0]) ? rest[0].map(String) : [];
  const options = rest.find((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  return { args, options: (options as SpawnOptions | undefined) ?? {} };
}

/** With a shell the words are joined as they are, as Node does. */
function commandLine(file: string, args: string[], { shell }: SpawnOptions): string[] {
  const name = file as unknown as string | URL;
  const path = name instanceof URL ? fileURLToPath(name.href) : file;
  return shell ? ['sh', '-c', [path, ...args].join(' ')] : [path, ...args];
}

function standardStreams(stdio: SpawnOptions['stdio']): (string | number | object)[] {
  const streams = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  return Array.from({ length: Math.max(3, streams.length) }, (_, index) => {
    const stream = streams[index] ?? (index < 3 ? 'pipe' : 'ignore');
    return stream === 'overlapped' ? 'pipe' : stream;
  });
}

function environment(env: SpawnOptions['env']): Record<string, string> | undefined {
  if (!env) return undefined;
  const entries: [string, string][] = [];
  for (const name in env) if (env[name] !== undefined) entries.push([name, String(env[name])]);
  return Object.fromEntries(entries);
}

function directory(task: Task, cwd: SpawnOptions['cwd']): string {
  return cwd === undefined || cwd === null
    ? task.cwd
    : joinPath(task.cwd, cwd instanceof URL ? fileURLToPath(cwd.href) : cwd);
}

interface Output {
  stream: Readable | null;
  sink: Sink;
}

function output(task: Task, target: string | number | object | undefined, fd: 1 | 2): Output {
  if (target === 'inherit' || target === 1 || target === 2) {
    const to = target === 'inherit' ? fd : target;
    return { stream: null, sink: (chunk) => task.write(to as 1 | 2, chunk) };
  }
  if (target !== null && typeof target === 'object') {
    const to = (target as { fd?: number }).fd;
    if (to === 1 || to === 2) return { stream: null, sink: (chunk) => task.write(to, chunk) };
    return { stream: null, sink: (chunk) => (target as Writable).write(Buffer.from(chunk)) };
  }
  if (target !== 'pipe') return { stream: null, sink: () => {} };
  const stream = new Readable({ read() {} });
  return { stream, sink: (chunk) => task.dispatch(() => stream.push(Buffer.from(chunk))) };
}

function pipeWriter(pipe: Pipe): Writable {
  return new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      pipe.write(new Uint8Array(chunk));
      done();
    },
    final(done) {
      pipe.end();
      done();
    },
    destroy(error, done) {
      pipe.end();
      done(error);
    },
  });
}
