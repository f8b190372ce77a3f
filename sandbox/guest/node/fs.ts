/**
 * `node:fs` of a task: the machine's tree with relative paths seen from the task's directory, descriptors 0 to 2 on its
 * standard streams, and callbacks and promises that keep the task alive.
 */
import { resolve as joinPath, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Task } from '../task.ts';
import { fs } from '../tree.ts';

type AnyFunction = (...parameters: unknown[]) => unknown;
type Members = Record<string, unknown>;

/** Functions by how many of their first parameters are paths. `symlink` has its path second: a target stays as it is. */
const onePath =
  'access appendFile chmod chown exists lchmod lchown lutimes lstat mkdir mkdtemp mkdtempDisposable open openAsBlob opendir readdir readFile readlink realpath rm rmdir stat statfs truncate unlink unwatchFile utimes watch watchFile writeFile createReadStream createWriteStream'.split(
    ' ',
  );
const twoPaths = ['copyFile', 'cp', 'link', 'rename'];

const standardPaths: Record<string, number> = { '/dev/stdin': 0, '/dev/stdout': 1, '/dev/stderr': 2 };
const byteReadLimit = 64 << 10;

export function createFs(task: Task): Members {
  const source = fs as unknown as Members;
  const members: Members = { ...source };
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(source))) members[name] ??= source[name];

  const place = (path: unknown): unknown => {
    if (path instanceof URL) return fileURLToPath(path.href);
    if (Buffer.isBuffer(path)) return joinPath(task.cwd, path.toString());
    if (typeof path !== 'string') return path;
    if (path in standardPaths) return standardPaths[path];
    // A trailing slash says that the path must be a directory.
    const placed = joinPath(task.cwd, path);
    return path.endsWith('/') && placed !== '/' ? `${placed}/` : placed;
  };
  const placeFirst = (count: number, parameters: unknown[]) =>
    parameters.map((parameter, index) => (index < count ? place(parameter) : parameter));
  const placed = (name: string, given: unknown[]): unknown[] => {
    const parameters = given.map(withoutUndefined);
    const base = name.replace(/Sync$/, '');
    if (base === 'symlink') return parameters.map((parameter, index) => (index === 1 ? place(parameter) : parameter));
    if (base === 'mkdtemp' && typeof parameters[0] === 'string') {
      // The prefix keeps a trailing slash, or the lack of one.
      const prefix = parameters[0];
      return [prefix.startsWith('/') ? prefix : `${task.cwd}/${prefix}`, ...parameters.slice(1)];
    }
    if (base === 'glob') {
      const [pattern, options, ...rest] =
        typeof parameters[1] === 'object' ? parameters : [parameters[0], {}, ...parameters.slice(1)];
      const { cwd = '.' } = options as { cwd?: string | URL };
      return [pattern, { ...(options as object), cwd: place(cwd) }, ...rest];
    }
    // memfs takes the slash for a part of the path when it lists a tree, and a directory is what it wants anyway.
    if (base === 'readdir' && typeof parameters[0] === 'string')
      return [joinPath(task.cwd, parameters[0]), ...parameters.slice(1)];
    if (twoPaths.includes(base)) return placeFirst(2, parameters);
    return onePath.includes(base) ? placeFirst(1, parameters) : parameters;
  };

  /** The path of a temporary directory is relative when its prefix was. */
  const given = (name: string, [prefix]: unknown[], result: unknown): unknown =>
    name.startsWith('mkdtemp') && typeof result === 'string' && typeof prefix === 'string' && !prefix.startsWith('/')
      ? posix.relative(task.cwd, result)
      : result;

  /** A callback keeps the task alive until it was called, and runs as the task. */
  const withCallback = (name: string, call: AnyFunction, original: unknown[]): unknown => {
    const parameters = placed(name, original);
    const callback = parameters.at(-1);
    if (typeof callback !== 'function') return call(...parameters);
    const release = task.hold();
    const back = (...results: unknown[]) => {
      release();
      task.dispatch(() => callback(...results.map((result) => given(name, original, result))));
    };
    try {
      return call(...parameters.slice(0, -1), back);
    } catch (error) {
      release();
      throw error;
    }
  };

  for (const [name, member] of Object.entries(members)) {
    if (typeof member !== 'function' || /^[A-Z_]/.test(name)) continue;
    const call = (member as AnyFunction).bind(source);
    const synchronous = name.endsWith('Sync') || name.startsWith('create') || /^(un)?watch/.test(name);
    const wrapped: AnyFunction = synchronous
      ? (...parameters) => given(name, parameters, call(...placed(name, parameters)))
      : (...parameters) => withCallback(name, call, parameters);
    members[name] = Object.defineProperty(wrapped, 'name', { value: name });
  }
  for (const name of ['realpath', 'realpathSync']) Object.assign(members[name] as object, { native: members[name] });

  for (const name of ['ReadStream', 'WriteStream']) {
    members[name] = callableStream(members[name] as StreamClass, place);
    members[`File${name}`] = members[name];
  }

  const promises: Members = {};
  const promiseSource = source.promises as Members;
  for (const name of [
    ...Object.keys(promiseSource),
    ...Object.getOwnPropertyNames(Object.getPrototypeOf(promiseSource)),
  ]) {
    const member = promiseSource[name];
    if (typeof member !== 'function' || name === 'constructor') {
      promises[name] = member;
      continue;
    }
    promises[name] = (...parameters: unknown[]) => {
      const result = (member as AnyFunction).apply(promiseSource, placed(name, parameters));
      return result instanceof Promise
        ? task.holdFor(result.then((value: unknown) => given(name, parameters, value)))
        : result;
    };
  }
  promises.constants = source.constants;
  members.promises = promises;

  connectStandardStreams(task, members);
  return members;
}

type StreamClass = new (path: unknown, options?: unknown) => object;

/** A class of streams that may be called without `new`, as Node's may: graceful-fs derives its own so. */
function callableStream(Class: StreamClass, place: (path: unknown) => unknown): unknown {
  // It is a function, which takes the volume first.
  const Base = Object.getPrototypeOf(Class) as StreamClass & AnyFunction;
  const { __vol: volume } = fs as unknown as { __vol: object };
  function Stream(this: unknown, path: unknown, options?: unknown): unknown {
    const parameters = [volume, place(path), withoutUndefined(options)];
    if (new.target) return Reflect.construct(Base, parameters, new.target);
    if (!(this instanceof Base)) return Reflect.construct(Base, parameters, Stream);
    return Reflect.apply(Base, this, parameters);
  }
  Object.setPrototypeOf(Stream, Base);
  Stream.prototype = Base.prototype;
  return Stream;
}

/** Options without those that are not set, which memfs takes for values. */
function withoutUndefined(parameter: unknown): unknown {
  if (typeof parameter !== 'object' || parameter === null || Object.getPrototypeOf(parameter) !== Object.prototype) {
    return parameter;
  }
  const entries = Object.entries(parameter);
  if (entries.every(([, value]) => value !== undefined)) return parameter;
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Lets reads and writes of descriptors 0, 1 and 2 reach the task's streams. */
function connectStandardStreams(task: Task, members: Members): void {
  const bytesOf = (data: unknown, encoding?: unknown): Uint8Array =>
    typeof data === 'string'
      ? Buffer.from(data, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
      : new Uint8Array((data as Uint8Array).buffer, (data as Uint8Array).byteOffset, (data as Uint8Array).byteLength);
  const original = (name: string): AnyFunction => members[name] as AnyFunction;
  const isOutput = (fd: unknown): fd is 1 | 2 => fd === 1 || fd === 2;

  const writeSync = original('writeSync');
  members.writeSync = (fd: unknown, data: unknown, ...rest: unknown[]) => {
    if (!isOutput(fd)) return writeSync(fd, data, ...rest);
    const bytes = typeof data === 'string' ? bytesOf(data, rest[1]) : slice(bytesOf(data), rest);
    task.write(fd, bytes.slice());
    return bytes.length;
  };
  const write = original('write');
  members.write = (fd: unknown, data: unknown, ...rest: unknown[]) => {
    const callback = rest.at(-1);
    if (!isOutput(fd) || typeof callback !== 'function') return write(fd, data, ...rest);
    const written = (members.writeSync as AnyFunction)(fd, data, ...rest.slice(0, -1));
    const release = task.hold();
    queueMicrotask(() => {
      release();
      task.dispatch(() => callback(null, written, data));
    });
  };
  for (const name of ['writeFileSync', 'appendFileSync']) {
    const call = original(name);
    members[name] = (path: unknown, data: unknown, ...rest: unknown[]) => {
      const fd = typeof path === 'string' ? standardPaths[path] : path;
      if (isOutput(fd)) task.write(fd, bytesOf(data, rest[0]).slice());
      else call(path, data, ...rest);
    };
  }

  const readSync = original('readSync');
  members.readSync = (fd: unknown, buffer: Uint8Array, ...rest: unknown[]) => {
    if (fd !== 0) return readSync(fd, buffer, ...rest);
    return take(task.stdin.readNow(), slice(bytesOf(buffer), rest), task);
  };
  const read = original('read');
  members.read = (fd: unknown, ...rest: unknown[]) => {
    const callback = rest.at(-1);
    if (fd !== 0 || typeof callback !== 'function') return read(fd, ...rest);
    const buffer = rest[0] instanceof Uint8Array ? rest[0] : new Uint8Array(byteReadLimit);
    void task.holdFor(task.stdin.read()).then((chunk) => {
      const count = take(chunk, slice(buffer, rest.slice(1, -1)), task);
      task.dispatch(() => callback(null, count, buffer));
    });
  };
  const readFileSync = original('readFileSync');
  members.readFileSync = (path: unknown, options?: unknown) => {
    if (path !== 0 && path !== '/dev/stdin') return readFileSync(path, options);
    const chunks: Uint8Array[] = [];
    for (let chunk = task.stdin.readNow(); chunk; chunk = task.stdin.readNow()) chunks.push(chunk);
    const encoding = typeof options === 'string' ? options : (options as { encoding?: string } | undefined)?.encoding;
    const all = Buffer.concat(chunks);
    return encoding ? all.toString(encoding as BufferEncoding) : all;
  };

  const fstatSync = original('fstatSync');
  /** What a descriptor of a pipe looks like. */
  const pipeStats = () =>
    Object.assign(Object.create(Object.getPrototypeOf(fs.statSync('/'))), {
      mode: 0o010600,
      size: 0,
      isFIFO: () => true,
    });
  members.fstatSync = (fd: number, ...rest: unknown[]) => (fd >= 0 && fd <= 2 ? pipeStats() : fstatSync(fd, ...rest));
  const fstat = original('fstat');
  members.fstat = (fd: number, ...rest: unknown[]) => {
    const callback = rest.at(-1);
    if (!(fd >= 0 && fd <= 2) || typeof callback !== 'function') return fstat(fd, ...rest);
    queueMicrotask(() => task.dispatch(() => callback(null, pipeStats())));
  };
}

/** `offset, length` or `{ offset, length }` of a buffer. */
function slice(buffer: Uint8Array, [first, second]: unknown[]): Uint8Array {
  const { offset, length } =
    typeof first === 'object' && first !== null
      ? (first as Record<string, unknown>)
      : { offset: first, length: second };
  const start = typeof offset === 'number' ? offset : 0;
  return buffer.subarray(start, typeof length === 'number' ? start + length : undefined);
}

function take(chunk: Uint8Array | null | undefined, target: Uint8Array, task: Task): number {
  if (!chunk) return 0;
  const part = chunk.subarray(0, target.length);
  target.set(part);
  task.stdin.unread(chunk.subarray(part.length));
  return part.length;
}
