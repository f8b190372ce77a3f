/**
 * The globals that differ from task to task. There is one global object for all programs of the machine, so these look
 * at which task is running: `process`, `console`, timers.
 */
import { Console } from 'node:console';
import type { Writable } from 'node:stream';
import { currentTask, type Task, TaskEnded } from '../task.ts';
import { compileModule, instantiateModule } from '../wasm/threads.ts';
import { type Process, reportUncaught } from './process.ts';

/** What a task that runs JavaScript brings along. */
export interface NodeTask {
  process: Process;
  console: object;
  timers: Timers;
}

const nodeTasks = new WeakMap<Task, NodeTask>();

export function setNodeTask(task: Task, nodeTask: NodeTask): void {
  nodeTasks.set(task, nodeTask);
}

export function currentNodeTask(): NodeTask | undefined {
  const task = currentTask();
  return task && nodeTasks.get(task);
}

/** A promise of the task was rejected and nobody took it. */
export function reportRejection(task: Task, reason: unknown): void {
  const nodeTask = nodeTasks.get(task);
  if (nodeTask) reportUncaught(nodeTask.process, task, reason, 'unhandledRejection');
}

export function createConsole(task: Task, process: Process): globalThis.Console {
  const console = new Console({ stdout: process.stdout as Writable, stderr: process.stderr as Writable });
  for (const name of ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'] as const) {
    const member = console[name];
    // A console swallows what its streams throw; a program that has ended must not go on writing.
    const write = (...parameters: unknown[]) => {
      const result: unknown = Reflect.apply(member, console, parameters);
      if (task.exit) throw new TaskEnded();
      return result;
    };
    Object.assign(console, { [name]: write });
  }
  return Object.assign(console, { Console });
}

type Callback = (...parameters: unknown[]) => void;

/** The engine's own, which mind what they are called on. */
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: startImmediate } = globalThis;

/** A `Timeout` of Node; an interval is one that starts itself anew. */
class Timeout {
  readonly #task: Task;
  readonly #run: () => void;
  readonly #delay: number;
  readonly #repeats: boolean;
  readonly #onEnd: (timeout: Timeout) => void;
  readonly id: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #release: (() => void) | undefined;
  #referenced = true;
  #closed = false;

  constructor(
    task: Task,
    options: { id: number; run: () => void; delay: number; repeats: boolean; onEnd: (timeout: Timeout) => void },
  ) {
    this.#task = task;
    this.id = options.id;
    this.#run = options.run;
    this.#delay = options.delay;
    this.#repeats = options.repeats;
    this.#onEnd = options.onEnd;
    this.#start();
  }

  #start(): void {
    if (this.#referenced) this.#release ??= this.#task.hold();
    this.#timer = startTimer(() => {
      this.#timer = undefined;
      if (this.#task.exit) return;
      if (!this.#repeats) this.#letGo();
      this.#task.dispatch(this.#run);
      if (this.#repeats && !this.#closed) this.#start();
    }, this.#delay);
  }

  #letGo(): void {
    this.#release?.();
    this.#release = undefined;
    this.#onEnd(this);
  }

  close(): this {
    this.#closed = true;
    stopTimer(this.#timer);
    this.#timer = undefined;
    this.#letGo();
    return this;
  }

  ref(): this {
    this.#referenced = true;
    if (this.#timer !== undefined) this.#release ??= this.#task.hold();
    return this;
  }

  unref(): this {
    this.#referenced = false;
    this.#release?.();
    this.#release = undefined;
    return this;
  }

  hasRef(): boolean {
    return this.#referenced;
  }

  refresh(): this {
    stopTimer(this.#timer);
    if (!this.#closed) this.#start();
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.id;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export type Timers = ReturnType<typeof createTimers>;

export function createTimers(task: Task) {
  const active = new Map<number, Timeout>();
  let next = 1;
  const start = (callback: Callback, delay: unknown, repeats: boolean, parameters: unknown[]): Timeout => {
    if (typeof callback !== 'function') {
      throw Object.assign(new TypeError('The "callback" argument must be of type function.'), {
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
    const milliseconds = Number(delay);
    const timeout = new Timeout(task, {
      id: next++,
      run: () => callback(...parameters),
      delay: milliseconds >= 1 && milliseconds <= 2 ** 31 - 1 ? milliseconds : 1,
      repeats,
      onEnd: ({ id }) => active.delete(id),
    });
    active.set(timeout.id, timeout);
    return timeout;
  };
  const clear = (timeout: unknown) => {
    if (timeout instanceof Timeout) timeout.close();
    else if (timeout !== null && timeout !== undefined) active.get(Number(timeout))?.close();
  };
  task.cleanups.add(() => {
    for (const timeout of active.values()) timeout.close();
  });

  return {
    setTimeout: (callback: Callback, delay?: unknown, ...parameters: unknown[]) =>
      start(callback, delay, false, parameters),
    setInterval: (callback: Callback, delay?: unknown, ...parameters: unknown[]) =>
      start(callback, delay, true, parameters),
    clearTimeout: clear,
    clearInterval: clear,
    setImmediate: (callback: Callback, ...parameters: unknown[]) => {
      let release: (() => void) | undefined = task.hold();
      const immediate = {
        cleared: false,
        ref: () => immediate,
        unref: () => immediate,
        hasRef: () => true,
        [Symbol.dispose]: () => clearImmediate(immediate),
      };
      startImmediate(() => {
        release?.();
        release = undefined;
        if (!immediate.cleared) task.dispatch(() => callback(...parameters));
      });
      return immediate;
    },
    clearImmediate,
  };
}

function clearImmediate(immediate: unknown): void {
  if (typeof immediate === 'object' && immediate !== null) Object.assign(immediate, { cleared: true });
}

/** Puts the globals in place, once. What is not run by a program (the machine itself) gets the engine's own. */
export function installGlobals(): void {
  const machine = {
    process: Reflect.get(globalThis, 'process') as unknown,
    console: Reflect.get(globalThis, 'console') as object,
    timers: {
      setTimeout: globalThis.setTimeout,
      setInterval: globalThis.setInterval,
      clearTimeout: globalThis.clearTimeout,
      clearInterval: globalThis.clearInterval,
      setImmediate: globalThis.setImmediate,
      clearImmediate: globalThis.clearImmediate,
    },
  };
  for (const name of ['process', 'console'] as const) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get: () => currentNodeTask()?.[name] ?? machine[name],
      set: (value) => {
        const nodeTask = currentNodeTask();
        if (nodeTask) Object.assign(nodeTask, { [name]: value });
      },
    });
  }
  for (const name of Object.keys(machine.timers) as (keyof Timers)[]) {
    const fallback = machine.timers[name] as Callback;
    Object.defineProperty(globalThis, name, {
      configurable: true,
      writable: true,
      value: (...parameters: unknown[]) => {
        const timers = currentNodeTask()?.timers;
        return ((timers?.[name] ?? fallback) as Callback)(...parameters);
      },
    });
  }
  installMessaging();
  keepCrypto();
  installOwnGlobals();
  installWebAssembly();
  installAtomicWait();
}

/**
 * Programs that put one of their own in the place of `crypto` (those of Go) let it call `node:crypto`, which the engine
 * has call this: it stays what it is.
 */
function keepCrypto(): void {
  const crypto: unknown = Reflect.get(globalThis, 'crypto');
  Object.defineProperty(globalThis, 'crypto', { configurable: true, get: () => crypto, set: () => {} });
}

/**
 * A program that waits keeps all others from running, so nothing that it waits for can come: with a time limit that has
 * passed, without one it is an error.
 */
function installAtomicWait(): void {
  const wait = (array: Int32Array, index: number, value: number, timeout = Number.POSITIVE_INFINITY) => {
    if (Atomics.load(array, index) !== value) return 'not-equal';
    if (Number.isFinite(timeout)) return 'timed-out';
    throw new TypeError(
      'Atomics.wait: the sandbox has one thread, so a program cannot wait for a worker without `await`. Use the asynchronous form of what waits here.',
    );
  };
  Object.defineProperty(Atomics, 'wait', { value: wait, configurable: true, writable: true });
}

/** Channels whose ports keep their task alive, as Node's do. */
function installMessaging(): void {
  for (const name of ['MessageChannel', 'MessagePort']) {
    const fallback: unknown = Reflect.get(globalThis, name);
    const replaced = new WeakMap<Task, unknown>();
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get: () => {
        const task = currentTask();
        if (task && replaced.has(task)) return replaced.get(task);
        const getBuiltin = currentNodeTask()?.process.getBuiltinModule as ((name: string) => object) | undefined;
        return getBuiltin ? Reflect.get(getBuiltin('worker_threads'), name) : fallback;
      },
      set: (value: unknown) => {
        const task = currentTask();
        if (task) replaced.set(task, value);
      },
    });
  }
}

/** Globals that Go programs compiled to wasm (esbuild) make for themselves, or replace: each task has its own. */
const ownGlobals = new Set<PropertyKey>(['fs', 'path', 'require', 'Go', 'performance']);

function installOwnGlobals(): void {
  const values = new WeakMap<Task, Map<PropertyKey, unknown>>();
  const assign = (name: PropertyKey, value: unknown) => {
    const task = currentTask();
    if (task === undefined) return;
    const own = values.get(task) ?? new Map<PropertyKey, unknown>();
    values.set(task, own.set(name, value));
  };
  for (const name of ownGlobals) {
    const engine: unknown = Reflect.get(globalThis, name);
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get: () => {
        const task = currentTask();
        const own = task && values.get(task);
        return own?.has(name) ? own.get(name) : engine;
      },
      set: (value) => assign(name, value),
    });
  }
  const { defineProperty } = Object;
  Object.defineProperty = <Target>(target: Target, name: PropertyKey, descriptor: PropertyDescriptor): Target => {
    // See keepCrypto.
    if (target === globalThis && name === 'crypto') return target;
    if (target !== globalThis || !ownGlobals.has(name)) return defineProperty(target, name, descriptor);
    assign(name, 'value' in descriptor ? descriptor.value : descriptor.get?.());
    return target;
  };
}

/**
 * workerd never settles the asynchronous forms for code that is compiled at run time; the synchronous ones work. Modules
 * with threads are prepared for a machine that has one.
 */
function installWebAssembly(): void {
  const constructing = <Constructor extends object>(original: Constructor, make: (...parameters: never[]) => object) =>
    new Proxy(original, { construct: (_target, parameters) => make(...(parameters as never[])) });
  const instantiate = async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
    if (source instanceof WebAssembly.Module) return instantiateModule(source, imports);
    const module = compileModule(source);
    return { module, instance: instantiateModule(module, imports) };
  };
  const bytesOf = async (response: Response | Promise<Response>) => (await response).arrayBuffer();
  Object.assign(WebAssembly, {
    Module: constructing(WebAssembly.Module, compileModule),
    Instance: constructing(WebAssembly.Instance, instantiateModule),
    compile: async (bytes: BufferSource) => compileModule(bytes),
    instantiate,
    compileStreaming: async (response: Response | Promise<Response>) => compileModule(await bytesOf(response)),
    instantiateStreaming: async (response: Response | Promise<Response>, imports?: WebAssembly.Imports) =>
      instantiate(await bytesOf(response), imports),
  });
}
