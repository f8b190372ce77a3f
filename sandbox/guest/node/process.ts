/** `process` of a task that runs JavaScript. */
import { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import { resolve as joinPath } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { parseEnv } from 'node:util';
import { type Task, TaskEnded, tasks } from '../task.ts';
import { fs } from '../tree.ts';

/** The engine's clock, whatever a program makes of the global one. */
const engineNow = performance.now.bind(performance);

/** What the machine says it is. `architecture` is that of packages' WebAssembly builds, so none picks a native one. */
export const platform = { version: 'v26.10.0', os: 'linux', architecture: 'x64', execPath: '/usr/local/bin/node' };

export type Process = EventEmitter &
  Record<string, unknown> & {
    exitCode: number | string | null | undefined;
    argv: string[];
    env: Record<string, string | undefined>;
  };

/**
 * @param builtin gives `process.getBuiltinModule` and `process.binding` what they ask for
 */
export function createProcess(task: Task, builtin: (name: string) => unknown): Process {
  const start = engineNow();
  const emitter = new EventEmitter();
  let reported = false;

  const exit = (code?: number | string | null): never => {
    if (code !== undefined && code !== null) process.exitCode = code;
    if (!reported) {
      reported = true;
      task.enter(() => emitter.emit.call(process, 'exit', Number(process.exitCode ?? 0)));
    }
    task.end({ exitCode: Number(process.exitCode ?? 0) & 0xff, signal: null });
    throw new TaskEnded();
  };

  const hrtime = (since?: [number, number]): [number, number] => {
    const now = engineNow();
    const seconds = Math.floor(now / 1000);
    const nanoseconds = Math.floor((now % 1000) * 1e6);
    if (!since) return [seconds, nanoseconds];
    const difference = (seconds - since[0]) * 1e9 + nanoseconds - since[1];
    return [Math.floor(difference / 1e9), difference % 1e9];
  };

  const properties = {
    title: 'node',
    version: platform.version,
    versions: {
      node: platform.version.slice(1),
      v8: '14.0.0',
      uv: '1.51.0',
      modules: '147',
      napi: '10',
      webcontainer: undefined,
    },
    arch: platform.architecture,
    platform: platform.os,
    release: { name: 'node' },
    features: { inspector: false, typescript: 'strip', require_module: true },
    config: { target_defaults: {}, variables: {} },
    argv: task.argv,
    argv0: 'node',
    execArgv: [] as string[],
    execPath: platform.execPath,
    pid: task.pid,
    ppid: task.ppid,
    exitCode: undefined,
    connected: false,
    debugPort: 9229,
    env: environment(task),
    allowedNodeEnvironmentFlags: new Set<string>(),
    report: { getReport: () => ({ header: { glibcVersionRuntime: '2.36' }, sharedObjects: [] }) },
    permission: undefined,
    cwd: () => task.cwd,
    chdir: (directory: string) => {
      const path = joinPath(task.cwd, directory);
      if (!fs.statSync(path).isDirectory()) {
        throw Object.assign(new Error(`ENOTDIR: not a directory, chdir '${directory}'`), { code: 'ENOTDIR' });
      }
      task.cwd = path;
    },
    exit,
    reallyExit: exit,
    abort: () => {
      task.end({ exitCode: null, signal: 'SIGABRT' });
      throw new TaskEnded();
    },
    kill: (pid: number, signal: string | number = 'SIGTERM') => {
      const target = tasks.get(pid);
      if (!target) throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH', errno: -3, syscall: 'kill' });
      if (signal === 0) return true;
      target.kill(typeof signal === 'string' ? signal : 'SIGTERM');
      if (target === task && task.exit) throw new TaskEnded();
      return true;
    },
    nextTick: (callback: (...parameters: unknown[]) => void, ...parameters: unknown[]) => {
      const release = task.hold();
      queueMicrotask(() => {
        release();
        task.dispatch(() => callback(...parameters));
      });
    },
    hrtime: Object.assign(hrtime, { bigint: () => BigInt(Math.floor(engineNow() * 1e6)) }),
    uptime: () => (engineNow() - start) / 1000,
    memoryUsage: Object.assign(() => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }), {
      rss: () => 0,
    }),
    cpuUsage: () => ({ user: Math.floor((engineNow() - start) * 1000), system: 0 }),
    resourceUsage: () => ({ userCPUTime: 0, systemCPUTime: 0, maxRSS: 0 }),
    availableMemory: () => 1 << 30,
    constrainedMemory: () => 1 << 30,
    getActiveResourcesInfo: () => [],
    umask: () => 0o022,
    getuid: () => 1000,
    geteuid: () => 1000,
    getgid: () => 1000,
    getegid: () => 1000,
    getgroups: () => [1000],
    emitWarning: (warning: string | Error, type?: string | { type?: string }) => {
      const name = typeof type === 'string' ? type : (type?.type ?? 'Warning');
      const error = warning instanceof Error ? warning : Object.assign(new Error(warning), { name });
      if (emitter.emit.call(process, 'warning', error) || task.env.NODE_NO_WARNINGS === '1') return;
      task.write(2, Buffer.from(`(node:${task.pid}) ${error.name}: ${error.message}\n`));
    },
    binding: (name: string) => {
      // Programs that Emscripten compiled ask for these.
      if (name === 'constants') return { fs: fs.constants, os: constants };
      throw new Error(`No such module: ${name}`);
    },
    getBuiltinModule: (name: string) => {
      try {
        return builtin(name.replace(/^node:/, ''));
      } catch {
        return undefined;
      }
    },
    loadEnvFile: (path = '.env') => {
      const values = parseEnv(String(fs.readFileSync(joinPath(task.cwd, path), 'utf8')));
      for (const [name, value] of Object.entries(values)) if (value !== undefined) task.env[name] ??= value;
    },
    setSourceMapsEnabled: () => {},
    setUncaughtExceptionCaptureCallback: () => {},
    hasUncaughtExceptionCaptureCallback: () => false,
    ref: (target: { ref?: () => void }) => target.ref?.(),
    unref: (target: { unref?: () => void }) => target.unref?.(),
    dlopen: (_module: unknown, path: string) => {
      throw Object.assign(
        new Error(`${path} is native code, which does not run in the sandbox. Use the package's WebAssembly build.`),
        { code: 'ERR_DLOPEN_FAILED' },
      );
    },
  };

  const process = Object.assign(
    Object.defineProperty(Object.create(emitter), Symbol.toStringTag, { value: 'process' }),
    properties,
  ) as Process;
  lazy(process, 'stdin', () => createStdin(task));
  lazy(process, 'stdout', () => createOutput(task, 1));
  lazy(process, 'stderr', () => createOutput(task, 2));

  task.onUncaught = (error) => reportUncaught(process, task, error, 'uncaughtException');
  task.onSignal = (signal) =>
    emitter.listenerCount(signal) > 0 && task.enter(() => emitter.emit.call(process, signal, signal));
  return process;
}

/** What Node does with an error nobody caught: the program's own handler, or its stack and exit code 1. */
export function reportUncaught(process: Process, task: Task, error: unknown, origin: string): void {
  if (error instanceof TaskEnded || task.exit !== undefined) return;
  try {
    if (task.enter(() => process.emit(origin === 'unhandledRejection' ? origin : 'uncaughtException', error, origin)))
      return;
    if (origin === 'unhandledRejection' && task.enter(() => process.emit('uncaughtException', error, origin))) return;
  } catch (thrown) {
    if (thrown instanceof TaskEnded) return;
  }
  if (task.onFailure) task.onFailure(error);
  else task.write(2, Buffer.from(`${describe(error)}\n\nNode.js ${platform.version}\n`));
  process.exitCode = 1;
  try {
    task.enter(() => (process.exit as (code: number) => void)(1));
  } catch {
    // That is how exit leaves.
  }
}

/** An error as it is printed: its stack without the machine's own frames. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `Uncaught ${typeof error === 'string' ? `'${error}'` : String(error)}`;
  const stack = (error.stack ?? String(error))
    .split('\n')
    .filter((line) => !/^\s+at .*\bguest\.js:\d+/.test(line))
    .map((line) => line.replace(/\beval \(/, '('))
    .join('\n');
  const { cause } = error;
  return cause === undefined ? stack : `${stack}\n  [cause]: ${describe(cause)}`;
}

/** The environment turns every value into text, as Node's does. */
function environment(task: Task): Record<string, string | undefined> {
  return new Proxy(task.env, {
    set: (target, name, value) => Reflect.set(target, name, typeof name === 'symbol' ? value : String(value)),
    defineProperty: (target, name, descriptor) =>
      Reflect.defineProperty(target, name, {
        value: String(descriptor.value),
        writable: true,
        enumerable: true,
        configurable: true,
      }),
  });
}

function lazy(target: object, name: string, create: () => unknown): void {
  Object.defineProperty(target, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = create();
      Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
      return value;
    },
    set(value) {
      Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
    },
  });
}

function createOutput(task: Task, fd: 1 | 2): Writable {
  const stream = new Writable({
    decodeStrings: true,
    highWaterMark: 64 << 10,
    write(chunk: Uint8Array, _encoding, done) {
      task.write(fd, new Uint8Array(chunk));
      done();
    },
  });
  return Object.assign(stream, {
    fd,
    isTTY: false,
    _type: 'pipe',
    getColorDepth: () => 1,
    hasColors: () => false,
    destroySoon: () => {},
    _handle: { setBlocking: () => {} },
  });
}

/** Standard input holds the task while somebody reads it. */
function createStdin(task: Task): Readable {
  let reading = false;
  let release: (() => void) | undefined;
  let referenced = true;
  const stream = new Readable({
    read() {
      if (reading) return;
      reading = true;
      if (referenced) release = task.hold();
      void task.stdin.read().then((chunk) => {
        reading = false;
        release?.();
        release = undefined;
        task.dispatch(() => stream.push(chunk && Buffer.from(chunk)));
      });
    },
  });
  return Object.assign(stream, {
    fd: 0,
    isTTY: false,
    isRaw: false,
    setRawMode: () => stream,
    ref: () => {
      referenced = true;
      if (reading) release ??= task.hold();
      return stream;
    },
    unref: () => {
      referenced = false;
      release?.();
      release = undefined;
      return stream;
    },
  });
}
