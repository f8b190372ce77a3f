/** PHP's CGI program in WebAssembly, with the trees of files that it is given. */

import type { Php, Stream, StreamOps } from './emscripten.ts';
import { type Mountable, mount } from './mount.ts';

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
  /** Trees of files: the place where PHP has one, to it, and to the directory of it that comes to be there. */
  mounts: ReadonlyMap<string, { tree: Mountable; at?: string }>;
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

/** Where the program's own data begins in its memory. */
const STATIC_BASE = 1024;

/** As Unix numbers them. */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** The system's calls for a program that connections come to by standard input (FastCGI Specification, 2.2). */
const NOT_CONNECTED = -53;

/** What takes the connections that come to the program. */
export interface Listener {
  /** @returns the descriptor of the connection; below 0, the negated number of an error */
  accept(): number;
}

export class Engine {
  readonly php: Php;
  readonly #exports: Readonly<Record<string, unknown>>;
  readonly #made: Made;
  #input: Uint8Array = new Uint8Array();
  #read = 0;
  #onOutput: (bytes: Uint8Array) => void = () => {};

  private constructor(php: Php, made: Made) {
    this.php = php;
    this.#exports = made.exports;
    this.#made = made;
    const { onLog } = made;
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

  static async start({ factory, module, libraries, ini, mounts, onLog }: EngineOptions): Promise<Engine> {
    // The engine takes a Web Worker's for granted, to find files that it is given here.
    Object.assign(globalThis, { location: new URL('https://php.invalid/') });
    const made: Made = { exports: {}, onLog };
    const php = await factory({
      instantiateWasm(imports: { env: Imports }, done: Instantiated) {
        letListen(imports.env, made);
        // What glob() calls, and the program was built without.
        imports.env.reallocarray = (place = 0, count = 0, size = 0) =>
          (made.exports.realloc as (place: number, bytes: number) => number)(place, count * size);
        void WebAssembly.instantiate(module, imports).then((instance) => {
          made.exports = instance.exports;
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
    for (const [place, { tree, at }] of mounts) mount(FS, tree, place, at);
    await php.ccall('pib_storage_init', 'number', [], [], { async: true });
    await php.ccall('wasm_sapi_cgi_init', 'number', [], [], { async: true });
    return new Engine(php, made);
  }

  /** Writes a file outside of the mounted trees; its directories come to be. */
  write(path: string, bytes: Uint8Array | string): void {
    this.php.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
    this.php.FS.writeFile(path, bytes);
  }

  /** The address of what the program has under a name. */
  readonly address = (name: string): number => STATIC_BASE + (this.#exports[name] as { value: number }).value;

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
    return this.#main(variables);
  }

  /**
   * Runs the program until it ends, taking requests by FastCGI.
   *
   * @param variables its environment
   */
  async listen(variables: Readonly<Record<string, string>>, { accept }: Listener): Promise<number> {
    this.#made.accept = accept;
    return this.#main({ PHP_FCGI_MAX_REQUESTS: '0', ...variables });
  }

  async #main(variables: Readonly<Record<string, string>>): Promise<number> {
    (this.#exports.clearenv as () => number)();
    for (const [name, value] of Object.entries({ ...MEMORY, PHPRC: INI, ...variables })) {
      this.php.ccall('wasm_sapi_cgi_putenv', 'number', ['string', 'string'], [name, value]);
    }
    return Number(await this.php.ccall('main', 'number', ['number', 'string'], [], { async: true }));
  }

  #replace(stream: { stream_ops: StreamOps } | null | undefined, ops: StreamOps): void {
    if (!stream) throw new Error('The engine has not opened its streams.');
    stream.stream_ops = { ...stream.stream_ops, ...ops };
  }
}

type Imports = Record<string, (...args: number[]) => unknown>;

interface Made {
  exports: Readonly<Record<string, unknown>>;
  /** Once the program is to take connections. */
  accept?: Listener['accept'];
  onLog(line: string): void;
}

/** Replaces the system's calls by which FastCGI finds and takes connections. */
function letListen(imports: Imports, made: Made): void {
  const listening: Imports = {
    __syscall_getpeername: () => NOT_CONNECTED,
    __syscall_accept4: () => made.accept?.(),
    __syscall_shutdown: () => 0,
    __syscall_recvfrom: () => 0,
  };
  for (const [name, call] of Object.entries(listening)) {
    const original = imports[name];
    imports[name] = (...args) => (made.accept ? call(...args) : original?.(...args));
  }
}

/** Opens a descriptor for a program that JavaScript is at the other end of. */
export function openConnection({ FS }: Php, ops: StreamOps): Stream {
  // A socket, as stat(2) numbers it.
  const node = Object.assign(new FS.FSNode(null, 'connection', 0o140777, 0), { mount: FS.root.mount });
  return FS.createStream({ node, flags: 2, path: 'connection', stream_ops: ops });
}
