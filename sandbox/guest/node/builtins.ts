/** The builtin modules of a task: the engine's where they do, and the machine's where they touch its files or commands. */
import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { isBuiltin } from 'node:module';
import { posix, win32 } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Task } from '../task.ts';
import { createChildProcess } from './child-process.ts';
import { stripTypes } from './compile.ts';
import { createFs } from './fs.ts';
import { currentNodeTask } from './globals.ts';
import type { ModuleHooks } from './hooks.ts';
import type { Loader } from './loader.ts';
import { parseArgs } from './parse-args.ts';
import { type Process, platform } from './process.ts';
import { createReadline } from './readline.ts';
import { failure } from './resolve.ts';
import { deserialize, serialize } from './serialize.ts';
import { holdSockets } from './sockets.ts';
import { createTest } from './test/index.ts';
import type { Environment } from './test/runner.ts';
import { createVm } from './vm.ts';
import { createWasi } from './wasi.ts';
import { createWorkerThreads } from './worker-threads.ts';

type Members = Record<string, unknown>;
type AnyFunction = (...parameters: unknown[]) => unknown;

const engineProcess = Reflect.get(globalThis, 'process') as { getBuiltinModule(name: string): Members | undefined };

/** The engine has no numbers for what started what, and refuses to be told them. */
class PlainAsyncResource extends AsyncResource {
  constructor(type: string, options?: number | { triggerAsyncId?: number; requireManualDestroy?: boolean }) {
    const { triggerAsyncId: _, ...rest } = typeof options === 'object' ? options : {};
    super(type, rest);
  }
}

/** The engine's own module. */
function engine(name: string): Members {
  const found = engineProcess.getBuiltinModule(`node:${name}`);
  if (found === undefined) throw failure('ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: node:${name}`);
  return found;
}

/**
 * @param getLoader the loader, which is made after this
 */
export function createBuiltins(task: Task, process: () => Process, getLoader: () => Loader): (name: string) => unknown {
  const made = new Map<string, unknown>();
  const builtin = (name: string): unknown => {
    const bare = name.replace(/^node:/, '');
    if (!made.has(bare)) made.set(bare, create(bare));
    return made.get(bare);
  };

  const create = (name: string): unknown => {
    switch (name) {
      case 'fs':
        return createFs(task);
      case 'fs/promises':
        return (builtin('fs') as Members).promises;
      case 'process':
        return process();
      case 'child_process':
        return createChildProcess(task);
      case 'worker_threads':
        return createWorkerThreads(task);
      case 'vm':
        return createVm();
      case 'wasi':
        return createWasi(builtin('fs') as Members);
      case 'test': {
        const timers = currentNodeTask()?.timers as unknown as Pick<Environment, 'setTimeout' | 'clearTimeout'>;
        return createTest(task, process(), { assert: builtin('assert'), ...timers });
      }
      case 'module':
        return createModule(getLoader());
      case 'readline':
        return createReadline();
      case 'readline/promises':
        return (createReadline() as Members).promises;
      case 'os':
        return createOs(task);
      case 'path':
      case 'path/posix':
        return createPath(task);
      case 'url':
        return createUrl(task);
      case 'util':
      case 'sys':
        return createUtil(process);
      case 'async_hooks':
        return { ...engine('async_hooks'), AsyncResource: PlainAsyncResource };
      case 'tty':
        return { ...engine('tty'), isatty: () => false };
      case 'console':
        return currentNodeTask()?.console;
      case 'v8':
        return { ...engine('v8'), serialize, deserialize };
      case 'timers': {
        const timers = currentNodeTask()?.timers as Members;
        return { ...engine('timers'), ...timers, promises: builtin('timers/promises') };
      }
      case 'timers/promises':
        return createTimerPromises(currentNodeTask()?.timers as unknown as Record<string, AnyFunction>);
      case 'http':
      case 'https':
        return holdRequests(task, engine(name));
      case 'net':
      case 'tls':
        return holdSockets(task, engine(name));
      case 'dns':
        return createDns(task);
      case 'dns/promises':
        return (builtin('dns') as Members).promises;
      case 'zlib':
      case 'crypto':
        return holdCallbacks(task, engine(name));
      default:
        if (!isBuiltin(name)) throw failure('ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: node:${name}`);
        return engine(name);
    }
  };
  return builtin;
}

/** A function that takes a callback keeps the task alive until it is called. */
function holdCallbacks(task: Task, source: Members): Members {
  const members: Members = {};
  for (const name of Object.keys(source)) {
    const member = source[name];
    if (typeof member !== 'function' || /^[A-Z]|Sync$|^create/.test(name)) {
      members[name] = member;
      continue;
    }
    const held = (...parameters: unknown[]) => {
      const callback = parameters.at(-1);
      if (typeof callback !== 'function') return Reflect.apply(member, source, parameters);
      const release = task.hold();
      const back = AsyncResource.bind((...results: unknown[]) => {
        release();
        task.dispatch(() => callback(...results));
      });
      return Reflect.apply(member, source, [...parameters.slice(0, -1), back]);
    };
    members[name] = Object.assign(held, { [promisify.custom]: Reflect.get(member, promisify.custom) });
  }
  return members;
}

/** A request keeps the task alive until its response was read. */
function holdRequests(task: Task, source: Members): Members {
  const hold = (start: AnyFunction): AnyFunction => {
    return (...parameters) => {
      const request = Reflect.apply(start, source, parameters) as EventEmitter;
      const release = task.hold();
      request.once('error', release);
      request.once('close', release);
      request.once('response', (response: EventEmitter) => {
        response.once('end', release);
        response.once('close', release);
      });
      return request;
    };
  };
  return { ...source, request: hold(source.request as AnyFunction), get: hold(source.get as AnyFunction) };
}

/** Names are resolved by the gateway; the machine itself knows only its own, which development servers ask for. */
function createDns(task: Task): Members {
  const dns = holdCallbacks(task, engine('dns'));
  const promises = { ...(engine('dns').promises as Members) };
  const own = { address: '127.0.0.1', family: 4 };
  const lookup = async (name: string, options?: { all?: boolean }): Promise<unknown> => {
    if (name === 'localhost') return options?.all ? [own] : own;
    const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
    throw Object.assign(error, { code: 'ENOTFOUND', errno: -3008, syscall: 'getaddrinfo', hostname: name });
  };
  const lookupBack = (name: string, ...rest: unknown[]) => {
    const callback = rest.at(-1) as AnyFunction;
    const options = typeof rest[0] === 'object' && rest[0] !== null ? (rest[0] as { all?: boolean }) : {};
    task.holdFor(lookup(name, options)).then(
      (found) => task.dispatch(() => (options.all ? callback(null, found) : callback(null, own.address, own.family))),
      (error: unknown) => task.dispatch(() => callback(error)),
    );
  };
  return { ...dns, lookup: lookupBack, promises: { ...promises, lookup } };
}

function createOs(task: Task): Members {
  const cpu = { model: 'sandbox', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
  const os: Members = {
    ...engine('os'),
    EOL: '\n',
    arch: () => platform.architecture,
    availableParallelism: () => 1,
    cpus: () => [cpu],
    endianness: () => 'LE',
    freemem: () => 1 << 30,
    homedir: () => task.env.HOME ?? '/root',
    hostname: () => 'sandbox',
    loadavg: () => [0, 0, 0],
    machine: () => 'x86_64',
    networkInterfaces: () => ({}),
    platform: () => platform.os,
    release: () => '6.0.0',
    tmpdir: () => task.env.TMPDIR ?? '/tmp',
    totalmem: () => 2 ** 31,
    type: () => 'Linux',
    uptime: () => performance.now() / 1000,
    userInfo: () => ({
      uid: 1000,
      gid: 1000,
      username: 'sandbox',
      homedir: task.env.HOME ?? '/root',
      shell: '/bin/sh',
    }),
    version: () => '',
  };
  return os;
}

/** Paths are seen from the task's directory. */
function createPath(task: Task): Members {
  const resolve = (...paths: string[]) => posix.resolve(task.cwd, ...paths);
  const path: Members = {
    ...posix,
    resolve,
    relative: (from: string, to: string) => posix.relative(resolve(from), resolve(to)),
    win32,
  };
  return Object.assign(path, { posix: path });
}

function createUrl(task: Task): Members {
  return {
    ...engine('url'),
    pathToFileURL: (path: string, options?: object) => {
      const url = pathToFileURL(posix.resolve(task.cwd, path), options);
      if (path.endsWith('/') && !url.pathname.endsWith('/')) url.pathname += '/';
      return url;
    },
  };
}

function createUtil(process: () => Process): Members {
  const parse = (config: Parameters<typeof parseArgs>[0] = {}) =>
    parseArgs({ ...config, args: config.args ?? process().argv.slice(2) });
  /** Says what `NODE_DEBUG` asks for; the engine's says everything. */
  const debuglog = (section: string) => {
    const { env, pid, stderr } = process();
    const asked = (env.NODE_DEBUG ?? '').split(',').map((pattern) => RegExp.escape(pattern).replaceAll('\\*', '.*'));
    const enabled = asked.some((pattern) => new RegExp(`^${pattern}$`, 'i').test(section));
    const format = engine('util').format as (...parameters: unknown[]) => string;
    const log = (...parameters: unknown[]) => {
      if (enabled) (stderr as Writable).write(`${section.toUpperCase()} ${pid}: ${format(...parameters)}\n`);
    };
    return Object.assign(log, { enabled });
  };
  return { ...engine('util'), parseArgs: parse, debuglog, debug: debuglog };
}

function createTimerPromises(timers: Record<string, AnyFunction>): Members {
  const wait = (name: string) => (delay?: unknown, value?: unknown, options?: { signal?: AbortSignal }) =>
    new Promise((resolve, reject) => {
      const [first, second, signal] =
        name === 'setImmediate'
          ? [undefined, delay, (value as typeof options)?.signal]
          : [delay, value, options?.signal];
      const abort = () => reject(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const done = () => {
        signal?.removeEventListener('abort', abort);
        resolve(second);
      };
      if (name === 'setImmediate') timers.setImmediate?.(done);
      else timers.setTimeout?.(done, first);
    });
  const setTimeout = wait('setTimeout');
  return {
    setTimeout,
    setImmediate: wait('setImmediate'),
    async *setInterval(delay?: unknown, value?: unknown) {
      for (;;) yield await setTimeout(delay, value);
    },
    scheduler: { wait: setTimeout, yield: wait('setImmediate') },
  };
}

/** Of `register`; what `data` holds is handed over as it is. */
interface RegisterOptions {
  parentURL?: string | URL;
  data?: unknown;
}

function createModule(loader: Loader): unknown {
  const { Module } = loader;
  const names = (engine('module').builtinModules as string[]).filter((name) => !name.startsWith('node:'));
  return Object.assign(Module, {
    Module,
    builtinModules: names,
    isBuiltin,
    wrap: (source: string) => `(function (exports, require, module, __filename, __dirname) { ${source}\n});`,
    wrapper: ['(function (exports, require, module, __filename, __dirname) { ', '\n});'],
    stripTypeScriptTypes: (source: string) => stripTypes(source, '/input.ts'),
    enableCompileCache: () => ({ status: 3 }),
    flushCompileCache: () => {},
    getCompileCacheDir: () => undefined,
    findSourceMap: () => undefined,
    syncBuiltinESMExports: () => {},
    constants: { compileCacheStatus: { FAILED: 0, ENABLED: 1, ALREADY_ENABLED: 2, DISABLED: 3 } },
    findPackageJSON: () => undefined,
    registerHooks: (hooks: ModuleHooks) => loader.hooks.register(hooks),
    register: (specifier: unknown, parent?: unknown, options?: RegisterOptions) => {
      const given = typeof parent === 'object' && !(parent instanceof URL) ? (parent as RegisterOptions) : options;
      const from = String((typeof parent === 'string' || parent instanceof URL ? parent : given?.parentURL) ?? '');
      const seenFrom = from.startsWith('file:') ? fileURLToPath(from) : posix.join(loader.task.cwd, 'noop.js');
      loader.register(String(specifier), seenFrom, given?.data);
    },
    globalPaths: [],
  });
}
