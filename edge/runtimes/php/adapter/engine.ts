/** PHP's CGI program in WebAssembly: one run answers one request, and nothing of it is left for the next. */

import type { Tree } from './site.ts';

/** What the module `php.mjs` makes: Emscripten's Module object, as far as it is used here. */
interface Php {
  ccall(name: string, returns: string | null, types: string[], args: unknown[], options?: { async: boolean }): unknown;
  FS: FileSystem;
}

interface FileSystem {
  mkdirTree(path: string): void;
  writeFile(path: string, bytes: Uint8Array | string): void;
  readFile(path: string): Uint8Array<ArrayBuffer>;
  readdir(path: string): string[];
  analyzePath(path: string): { exists: boolean; object: { mode: number } };
  isFile(mode: number): boolean;
  isDir(mode: number): boolean;
  streams: { stream_ops: StreamOps }[];
}

interface StreamOps {
  read?(stream: unknown, memory: Int8Array, offset: number, length: number, position: number): number;
  write?(stream: unknown, memory: Int8Array, offset: number, length: number, position: number): number;
}

type Instantiated = (instance: unknown, module: WebAssembly.Module) => void;

export type PhpFactory = (options: object) => Promise<Php>;

export interface EngineOptions {
  factory: PhpFactory;
  /** The compiled program. */
  module: WebAssembly.Module;
  /** Compiled libraries, by the names that extensions and php.ini know them by. */
  libraries: ReadonlyMap<string, WebAssembly.Module>;
  /** php.ini. */
  ini: string;
  /** Takes what PHP logs. */
  onLog(line: string): void;
}

/** Where libraries are for PHP. */
export const EXTENSION_DIR = '/islet/extensions';

/** Where PHP keeps what it has compiled. */
export const OPCACHE_DIR = '/islet/opcache';

const INI = '/islet/php.ini';

/**
 * PHP's own allocator gives pages back by munmap, which WebAssembly has not. The one that tracks what it has given frees
 * all of it when a request ends, and keeps to memory_limit.
 */
const MEMORY = { USE_ZEND_ALLOC: '0', USE_TRACKED_ALLOC: '1' };

/** As Unix numbers them. */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export class Engine {
  readonly #php: Php;
  readonly #clearEnvironment: () => number;
  #input: Uint8Array = new Uint8Array();
  #read = 0;
  #onOutput: (bytes: Uint8Array) => void = () => {};

  private constructor(php: Php, clearEnvironment: () => number, onLog: (line: string) => void) {
    this.#php = php;
    this.#clearEnvironment = clearEnvironment;
    const { streams } = php.FS;
    const decoder = new TextDecoder();
    let line = '';
    // Of the streams that Emscripten opens each byte is a call; a buffer at once is a hundred times as fast.
    this.#replace(streams[STDIN], {
      read: (_, memory, offset, length) => {
        const chunk = this.#input.subarray(this.#read, this.#read + length);
        memory.set(chunk, offset);
        this.#read += chunk.length;
        return chunk.length;
      },
    });
    this.#replace(streams[STDOUT], {
      write: (_, memory, offset, length) => {
        this.#onOutput(Uint8Array.from(memory.subarray(offset, offset + length)));
        return length;
      },
    });
    this.#replace(streams[STDERR], {
      write: (_, memory, offset, length) => {
        line += decoder.decode(Uint8Array.from(memory.subarray(offset, offset + length)), { stream: true });
        const lines = line.split('\n');
        line = lines.pop() ?? '';
        for (const text of lines) onLog(text);
        return length;
      },
    });
  }

  static async start({ factory, module, libraries, ini, onLog }: EngineOptions): Promise<Engine> {
    // The engine takes a Web Worker's for granted, to find files that it is given here.
    Object.assign(globalThis, { location: new URL('https://php.invalid/') });
    let clearEnvironment: (() => number) | undefined;
    const php = await factory({
      instantiateWasm(imports: Parameters<typeof WebAssembly.instantiate>[1], done: Instantiated) {
        void WebAssembly.instantiate(module, imports).then((instance) => {
          clearEnvironment = instance.exports.clearenv as () => number;
          done(instance, module);
        });
        return {};
      },
      libraries: Object.fromEntries(libraries),
      locateFile: (path: string) => path,
      stdin: () => null,
      stdout: () => {},
      stderr: () => {},
    });
    const { FS } = php;
    FS.mkdirTree(EXTENSION_DIR);
    FS.mkdirTree(OPCACHE_DIR);
    // Those that PHP opens must be files; what is in them comes from `libraries`.
    for (const name of libraries.keys()) FS.writeFile(`${EXTENSION_DIR}/${name}`, ' ');
    FS.writeFile(INI, ini);
    await php.ccall('pib_storage_init', 'number', [], [], { async: true });
    await php.ccall('wasm_sapi_cgi_init', 'number', [], [], { async: true });
    if (!clearEnvironment) throw new Error('The engine has no clearenv.');
    return new Engine(php, clearEnvironment, onLog);
  }

  /** Writes a file; its directories come to be. */
  write(path: string, bytes: Uint8Array | string): void {
    this.#php.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
    this.#php.FS.writeFile(path, bytes);
  }

  /** Undefined where there is no file. */
  read(path: string): Uint8Array<ArrayBuffer> | undefined {
    const { FS } = this.#php;
    const { exists, object } = FS.analyzePath(path);
    return exists && FS.isFile(object.mode) ? FS.readFile(path) : undefined;
  }

  /** The files below a directory, as they are at the time. */
  tree(root: string): Tree {
    const { FS } = this.#php;
    const is = (path: string, test: (mode: number) => boolean) => {
      const { exists, object } = FS.analyzePath(root + path);
      return exists && test(object.mode);
    };
    return {
      isFile: (path) => is(path, FS.isFile),
      isDirectory: (path) => is(path, FS.isDir),
      read: (path) => {
        const bytes = this.read(root + path);
        return bytes && new TextDecoder().decode(bytes);
      },
    };
  }

  /** Makes a directory and those above it. */
  makeDirectory(path: string): void {
    this.#php.FS.mkdirTree(path);
  }

  /** Every file below a directory, by its absolute path. */
  *list(directory: string): Iterable<readonly [path: string, bytes: Uint8Array]> {
    const { FS } = this.#php;
    for (const name of FS.readdir(directory)) {
      if (name === '.' || name === '..') continue;
      const path = `${directory}/${name}`;
      if (FS.isDir(FS.analyzePath(path).object.mode)) yield* this.list(path);
      else yield [path, FS.readFile(path)];
    }
  }

  /**
   * Answers one request. Only one can be under way.
   *
   * @param variables CGI's (RFC 3875), and the process's environment
   * @param input the request's body
   * @returns what the program wrote: CGI's headers and the body
   */
  async answer(variables: Readonly<Record<string, string>>, input: Uint8Array): Promise<Uint8Array> {
    const output: Uint8Array[] = [];
    await this.run(variables, { input, onOutput: (bytes) => void output.push(bytes) });
    return concat(output);
  }

  /**
   * Runs the program once.
   *
   * @param onOutput takes what it writes, as it comes
   * @returns its exit status
   */
  async run(
    variables: Readonly<Record<string, string>>,
    { input, onOutput }: { input: Uint8Array; onOutput(bytes: Uint8Array): void },
  ): Promise<number> {
    this.#input = input;
    this.#read = 0;
    this.#onOutput = onOutput;
    this.#clearEnvironment();
    for (const [name, value] of Object.entries({ ...MEMORY, PHPRC: INI, ...variables })) {
      this.#php.ccall('wasm_sapi_cgi_putenv', 'number', ['string', 'string'], [name, value]);
    }
    const status = await this.#php.ccall('main', 'number', ['number', 'string'], [], { async: true });
    this.#onOutput = () => {};
    this.#input = new Uint8Array();
    return Number(status);
  }

  #replace(stream: { stream_ops: StreamOps } | undefined, ops: StreamOps): void {
    if (!stream) throw new Error('The engine has not opened its streams.');
    stream.stream_ops = { ...stream.stream_ops, ...ops };
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
