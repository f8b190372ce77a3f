/**
 * Threads of WebAssembly programs (wasi-threads) on the one thread there is: each is a stack of its own that takes turns
 * with the others, by JavaScript Promise Integration. A thread that waits for another is suspended, and goes on when it
 * is notified.
 *
 * The stack of the program's JavaScript cannot be suspended. Where it waits (a parallel iterator that was called
 * synchronously), threads that have not started yet do the work meanwhile: of many that are started at once, most are
 * kept for that.
 */
import { currentTask, type Task, TaskEnded } from '../task.ts';
import { type Rewritten, rewriteThreads } from './rewrite.ts';

type Address = number;
type Wait = (address: Address, expected: number, timeout: bigint, offset: number) => number | Promise<number>;
type Notify = (address: Address, count: number, offset: number) => number;
type AnyFunction = (...parameters: never[]) => unknown;

/** Of the JavaScript Promise Integration API, which the types of workerd do not have yet. */
const { Module, Instance, Suspending, promising } = WebAssembly as unknown as {
  Module: new (bytes: BufferSource) => WebAssembly.Module;
  Instance: new (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance;
  Suspending: new (call: AnyFunction) => AnyFunction;
  promising: (call: AnyFunction) => (...parameters: unknown[]) => Promise<unknown>;
};

/** What `memory.atomic.wait32` returns. */
const waited = { ok: 0, notEqual: 1, timedOut: 2 };
/**
 * Of threads that are started one right after the other, as for a pool, so many begin by themselves. The others are the
 * reserve of a main thread that waits.
 */
const eagerThreads = 8;
/** The largest timeout of a timer. */
const maxTimeoutMs = 2 ** 31 - 1;
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: startImmediate } = globalThis;

const rewritten = new WeakMap<WebAssembly.Module, Rewritten>();

/** `new WebAssembly.Module`, which prepares modules with threads. */
export function compileModule(source: BufferSource): WebAssembly.Module {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  const prepared = rewriteThreads(bytes);
  const module = new Module(prepared?.bytes ?? source);
  if (prepared) rewritten.set(module, prepared);
  return module;
}

/** `new WebAssembly.Instance`; that of a module with threads is its main thread. */
export function instantiateModule(module: WebAssembly.Module, imports?: WebAssembly.Imports): WebAssembly.Instance {
  const prepared = rewritten.get(module);
  const task = currentTask();
  if (prepared === undefined || imports === undefined || task === undefined) return new Instance(module, imports);
  return new Threads(task, module, prepared, imports).main;
}

/**
 * A module that hands two functions through, as functions of WebAssembly, which a table can hold:
 *
 *     (import "" "wait" (func (param i32 i32 i64 i32) (result i32)))
 *     (import "" "notify" (func (param i32 i32 i32) (result i32)))
 *     (func (export "wait") … (call 0 …)) (func (export "notify") … (call 1 …))
 */
const gates = new Module(
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 16, 2, 0x60, 4, 0x7f, 0x7f, 0x7e, 0x7f, 1, 0x7f, 0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f],
    ...[2, 19, 2, 0, 4, ...Buffer.from('wait'), 0, 0, 0, 6, ...Buffer.from('notify'), 0, 1],
    ...[3, 3, 2, 0, 1],
    ...[7, 17, 2, 4, ...Buffer.from('wait'), 0, 2, 6, ...Buffer.from('notify'), 0, 3],
    ...[10, 25, 2, 12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0x20, 3, 0x10, 0, 0x0b],
    ...[10, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0x10, 1, 0x0b],
  ]),
);

class Threads {
  readonly main: WebAssembly.Instance;
  readonly #task: Task;
  readonly #module: WebAssembly.Module;
  readonly #prepared: Rewritten;
  readonly #imports: WebAssembly.Imports;
  readonly #memory: WebAssembly.Memory;
  /** Who waits for a notification of an address, first come first. */
  readonly #waiting = new Map<Address, Set<() => void>>();
  /** Threads that have not begun. */
  readonly #reserve = new Set<() => void>();
  /** How many threads the same thread has started without doing anything else that others see. */
  #series = { spawner: 0, length: 0 };
  #lastId = 0;
  /** How deep the main thread waits. */
  #mainWaits = 0;

  constructor(task: Task, module: WebAssembly.Module, prepared: Rewritten, imports: WebAssembly.Imports) {
    const memory = Object.values(imports)
      .flatMap((members) => Object.values(members))
      .find((value) => value instanceof WebAssembly.Memory);
    if (memory === undefined) throw new TypeError('a module with threads imports its memory');
    this.#task = task;
    this.#module = module;
    this.#prepared = prepared;
    this.#memory = memory;
    this.#imports = this.#withPool(imports);
    this.main = this.#instantiate(0, this.#imports, (...wait) => this.#waitOnMain(...wait));
  }

  /** emnapi's pool for asynchronous work looks for the worker of each of its threads, and waits until all are ready. */
  #withPool(imports: WebAssembly.Imports): WebAssembly.Imports {
    const pool = {
      _emnapi_tell_js_uvthreadpool: () => {},
      _emnapi_after_uvthreadpool_ready: (callback: number, queue: Address, type: number) => {
        const table = this.main.exports[this.#prepared.table] as WebAssembly.Table;
        table.get(callback)(queue, type);
      },
    };
    const withPool = Object.entries(imports).map(([module, members]) =>
      '_emnapi_tell_js_uvthreadpool' in members ? [module, { ...members, ...pool }] : [module, members],
    );
    return Object.fromEntries(withPool);
  }

  /** @param thread its number; 0 is the main thread */
  #instantiate(thread: number, imports: WebAssembly.Imports, wait: Wait): WebAssembly.Instance {
    const instance = new Instance(this.#module, {
      ...imports,
      wasi: { ...imports.wasi, 'thread-spawn': (start: number) => this.#spawn(thread, start) },
    });
    const notify: Notify = (address, count, offset) => this.#notify(address + offset, count);
    const functions = new Instance(gates, { '': { wait, notify } as unknown as WebAssembly.ModuleImports }).exports;
    const table = instance.exports[this.#prepared.table] as WebAssembly.Table;
    table.set(this.#prepared.wait, functions.wait);
    table.set(this.#prepared.notify, functions.notify);
    return instance;
  }

  #read(address: Address): number {
    return Atomics.load(new Int32Array(this.#memory.buffer, address, 1), 0);
  }

  /** @returns the number of the thread */
  #spawn(spawner: number, start: number): number {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#series = { spawner, length: this.#series.spawner === spawner ? this.#series.length + 1 : 1 };
    const begin = () => {
      if (this.#reserve.delete(begin)) this.#begin(id, start);
    };
    this.#reserve.add(begin);
    if (this.#series.length <= eagerThreads) startImmediate(begin);
    return id;
  }

  #begin(id: number, start: number): void {
    if (this.#task.exit !== undefined) return;
    const system = { ...this.#imports.wasi_snapshot_preview1 };
    const yieldTurn = () => (this.#mainWaits > 0 ? 0 : Promise.resolve(0));
    const imports = {
      ...this.#imports,
      wasi_snapshot_preview1: { ...system, sched_yield: new Suspending(yieldTurn) },
    } as WebAssembly.Imports;
    const wait = new Suspending((...[address, expected, timeout, offset]: Parameters<Wait>) =>
      this.#suspend(address + offset, expected, timeout),
    ) as unknown as Wait;
    const work = () => {
      const { wasi_thread_start: run } = this.#instantiate(id, imports, wait).exports;
      promising(run as AnyFunction)(id, start).catch((error: unknown) => this.#fail(error));
    };
    this.#task.enter(work);
  }

  /** A thread that traps takes its program down. */
  #fail(error: unknown): void {
    if (error instanceof TaskEnded || this.#task.exit !== undefined) return;
    this.#task.onUncaught?.(error);
  }

  #suspend(address: Address, expected: number, timeout: bigint): number | Promise<number> {
    this.#series.length = 0;
    if (this.#read(address) !== expected) return waited.notEqual;
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stop = this.#onNotify(address, () => {
        stopTimer(timer);
        resolve(waited.ok);
      });
      if (timeout < 0) return;
      const milliseconds = Math.min(Number(timeout) / 1e6, maxTimeoutMs);
      timer = startTimer(() => {
        if (this.#task.exit !== undefined) return;
        stop();
        resolve(waited.timedOut);
      }, milliseconds);
    });
  }

  /** @returns gives up waiting */
  #onNotify(address: Address, wake: () => void): () => void {
    const waiting = this.#waiting.get(address) ?? new Set();
    this.#waiting.set(address, waiting.add(wake));
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#waiting.get(address) === waiting) this.#waiting.delete(address);
    };
  }

  /** @returns how many were woken */
  #notify(address: Address, count: number): number {
    this.#series.length = 0;
    const waiting = this.#waiting.get(address);
    if (waiting === undefined) return 0;
    let woken = 0;
    for (const wake of waiting) {
      // The count is unsigned: -1 means all.
      if (woken >= count >>> 0) break;
      waiting.delete(wake);
      wake();
      woken += 1;
    }
    if (waiting.size === 0) this.#waiting.delete(address);
    return woken;
  }

  #waitOnMain(start: Address, expected: number, timeout: bigint, offset: number): number {
    const address = start + offset;
    this.#series.length = 0;
    if (this.#read(address) !== expected) return waited.notEqual;
    let woken = false;
    const stop = this.#onNotify(address, () => {
      woken = true;
    });
    this.#mainWaits += 1;
    try {
      while (!woken && this.#read(address) === expected) {
        const [begin] = this.#reserve;
        if (begin === undefined) return this.#giveUp(timeout);
        begin();
      }
      return waited.ok;
    } finally {
      this.#mainWaits -= 1;
      stop();
    }
  }

  /** Nothing else can run before the main thread goes on. */
  #giveUp(timeout: bigint): number {
    if (timeout >= 0) return waited.timedOut;
    throw new WebAssembly.RuntimeError(
      "the program's main thread waits for another thread, which cannot run meanwhile: the sandbox has one thread",
    );
  }
}
