/**
 * `node:worker_threads` of a task. There is one thread: a worker is another task that takes turns with its parent, which
 * is enough for tools that move work to workers and wait for its messages.
 */
import { EventEmitter } from 'node:events';
import { resolve as joinPath } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Pipe } from '../pipe.ts';
import { start } from '../programs/program.ts';
import type { Task } from '../task.ts';
import { failure } from './resolve.ts';

interface WorkerOptions {
  argv?: unknown[];
  env?: Record<string, string> | symbol;
  eval?: boolean;
  execArgv?: string[];
  name?: string;
  stdin?: boolean;
  stderr?: boolean;
  stdout?: boolean;
  transferList?: unknown[];
  workerData?: unknown;
}

/** What a task that is a worker knows of its beginning. */
interface Beginning {
  threadId: number;
  workerData: unknown;
  port: Port;
  code: string | undefined;
}

const beginnings = new WeakMap<Task, Beginning>();
const shareEnv = Symbol.for('nodejs.worker_threads.SHARE_ENV');
let lastThread = 0;

/** The source a worker was started with, where it is no file. */
export function workerCode(task: Task): string | undefined {
  return beginnings.get(task)?.code;
}

/** One end of a channel. It holds its task while it is listened to and referenced. */
class Port extends EventEmitter {
  task: Task;
  peer: Port | undefined;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  #started = false;
  #closed = false;
  #referenced = true;
  #release: (() => void) | undefined;
  readonly #waiting: unknown[] = [];

  constructor(task: Task) {
    super();
    this.task = task;
    task.cleanups.add(() => this.close());
    this.on('newListener', (name) => {
      if (name === 'message') queueMicrotask(() => this.start());
    });
    // As in Node: a port that nobody listens to any more keeps nothing alive.
    this.on('removeListener', (name) => {
      if (name !== 'message' || this.listenerCount('message') > 0) return;
      this.#release?.();
      this.#release = undefined;
    });
    Object.defineProperty(this, 'onmessage', {
      get: () => null,
      set: (handler: ((event: { data: unknown }) => void) | null) => {
        if (handler) this.on('message', (data) => handler.call(this, { data }));
      },
    });
  }

  postMessage(message: unknown, transfer?: unknown): void {
    const list = Array.isArray(transfer)
      ? transfer
      : ((transfer as { transfer?: unknown[] } | undefined)?.transfer ?? []);
    const { ports, copy } = withoutPorts(message, list);
    const { peer } = this;
    if (!peer) return;
    for (const port of ports) port.task = peer.task;
    peer.deliver(restorePorts(structuredClone(copy), ports));
  }

  deliver(message: unknown): void {
    if (this.#closed) return;
    if (!this.#started) this.#waiting.push(message);
    else {
      const release = this.task.exit === undefined ? this.task.hold() : undefined;
      setImmediateOf(() => {
        release?.();
        this.task.dispatch(() => this.emit('message', message));
      });
    }
  }

  /** A message that is there without waiting: receiveMessageOnPort. */
  take(): { message: unknown } | undefined {
    return this.#waiting.length > 0 ? { message: this.#waiting.shift() } : undefined;
  }

  start(): void {
    if (this.#closed) return;
    if (this.#referenced && this.listenerCount('message') > 0) this.#release ??= this.task.hold();
    if (this.#started) return;
    this.#started = true;
    for (const message of this.#waiting.splice(0)) this.deliver(message);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release?.();
    const { peer } = this;
    this.peer = undefined;
    this.emit('close');
    if (peer) queueMicrotask(() => peer.close());
  }

  ref(): this {
    this.#referenced = true;
    if (!this.#closed) this.#release ??= this.task.hold();
    return this;
  }

  unref(): this {
    this.#referenced = false;
    this.#release?.();
    this.#release = undefined;
    return this;
  }

  addEventListener(name: string, listener: (event: { data: unknown }) => void): void {
    this.on(name, (data) => listener({ data }));
  }

  removeEventListener(): void {}
}

const setImmediateOf = globalThis.setImmediate;

/** What stands for a port in a message: which of those that it takes along. */
const portMark = '$port';

/** A copy of a message with its ports, wherever in it they are, apart: they are handed over and not cloned. */
function withoutPorts(message: unknown, transfer: unknown[]): { ports: Port[]; copy: unknown } {
  const ports = transfer.filter((item): item is Port => item instanceof Port);
  if (ports.length === 0) return { ports, copy: message };
  return { ports, copy: mapPlain(message, (part) => part instanceof Port && { [portMark]: ports.indexOf(part) }) };
}

function restorePorts(message: unknown, ports: Port[]): unknown {
  if (ports.length === 0) return message;
  return mapPlain(message, (part) => {
    const index = (part as { [portMark]?: number })[portMark];
    return index === undefined ? false : ports[index];
  });
}

/** Copies lists and plain objects, with some of what is in them changed; everything else stays what it is. */
function mapPlain(value: unknown, change: (part: object) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const changed = change(value);
  if (changed !== false) return changed;
  if (Array.isArray(value)) return value.map((item) => mapPlain(item, change));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapPlain(member, change)]));
}

/** A value as another task gets it. */
function cloned(value: unknown, transfer: unknown[], receiver: Task): unknown {
  const { ports, copy } = withoutPorts(value, transfer);
  for (const port of ports) port.task = receiver;
  return restorePorts(structuredClone(copy), ports);
}

function createPair(first: Task, second: Task): [Port, Port] {
  const ports: [Port, Port] = [new Port(first), new Port(second)];
  ports[0].peer = ports[1];
  ports[1].peer = ports[0];
  return ports;
}

export function createWorkerThreads(task: Task): Record<string, unknown> {
  const beginning = beginnings.get(task);

  class Worker extends EventEmitter {
    readonly threadId: number;
    readonly stdin = null;
    readonly stdout: Readable = new Readable({ read() {} });
    readonly stderr: Readable = new Readable({ read() {} });
    readonly performance = { eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }) };
    readonly #task: Task;
    readonly #port: Port;
    /** What ended it, if that was an error. */
    #failure: { error: unknown } | undefined;

    constructor(file: string | URL, options: WorkerOptions = {}) {
      super();
      this.threadId = ++lastThread;
      const isData = file instanceof URL && file.protocol === 'data:';
      const path = file instanceof URL && !isData ? fileURLToPath(file.href) : String(file);
      const env = typeof options.env === 'object' ? options.env : task.env;
      const [mine, theirs] = createPair(task, task);
      this.#port = mine;
      const write = (stream: Readable, kept: boolean | undefined, fd: 1 | 2) => (chunk: Uint8Array) => {
        if (kept) task.dispatch(() => stream.push(Buffer.from(chunk)));
        else task.write(fd, chunk);
      };
      this.#task = start({
        argv: [
          'node',
          options.eval || isData ? '[worker eval]' : joinPath(task.cwd, path),
          ...(options.argv ?? []).map(String),
        ],
        env,
        cwd: task.cwd,
        stdin: Pipe.of(),
        stdout: write(this.stdout, options.stdout, 1),
        stderr: write(this.stderr, options.stderr, 2),
        parent: task,
      });
      theirs.task = this.#task;
      this.#task.onFailure = (error) => {
        this.#failure = { error };
      };
      this.#task.cleanups.add(() => theirs.close());
      beginnings.set(this.#task, {
        threadId: this.threadId,
        workerData: cloned(options.workerData, options.transferList ?? [], this.#task),
        port: theirs,
        code: options.eval ? path : isData ? `import(${JSON.stringify(file.href)})` : undefined,
      });
      mine.on('message', (message) => this.emit('message', message));
      const release = task.hold();
      this.unref = () => {
        release();
        mine.unref();
        return this;
      };
      task.cleanups.add(() => this.#task.kill('SIGKILL'));
      setImmediateOf(() => task.dispatch(() => this.emit('online')));
      void this.#task.exited.then(({ exitCode }) => {
        // What it posted before its end comes first.
        setImmediateOf(() =>
          setImmediateOf(() => {
            release();
            mine.close();
            this.stdout.push(null);
            this.stderr.push(null);
            const failure = this.#failure;
            if (failure) task.dispatch(() => this.emit('error', failure.error));
            task.dispatch(() => this.emit('exit', exitCode ?? 1));
          }),
        );
      });
    }

    postMessage(message: unknown, transfer?: unknown): void {
      this.#port.postMessage(message, transfer);
    }

    async terminate(): Promise<number> {
      this.#task.kill('SIGKILL');
      await this.#task.exited;
      return 1;
    }

    ref(): this {
      return this;
    }

    unref(): this {
      return this;
    }

    getHeapSnapshot(): never {
      throw failure('ERR_METHOD_NOT_IMPLEMENTED', 'Worker.getHeapSnapshot() is not available in the sandbox');
    }
  }

  class MessageChannel {
    readonly port1: Port;
    readonly port2: Port;

    constructor() {
      [this.port1, this.port2] = createPair(task, task);
    }
  }

  const { BroadcastChannel } = globalThis as { BroadcastChannel?: unknown };
  return {
    isMainThread: beginning === undefined,
    isInternalThread: false,
    parentPort: beginning?.port ?? null,
    workerData: beginning?.workerData ?? null,
    threadId: beginning?.threadId ?? 0,
    threadName: '',
    resourceLimits: {},
    SHARE_ENV: shareEnv,
    Worker,
    MessageChannel,
    MessagePort: Port,
    BroadcastChannel,
    receiveMessageOnPort: (port: Port) => port.take(),
    markAsUntransferable: () => {},
    isMarkedAsUntransferable: () => false,
    moveMessagePortToContext: (port: Port) => port,
    getEnvironmentData: () => undefined,
    setEnvironmentData: () => {},
    postMessageToThread: async () => {},
  };
}
