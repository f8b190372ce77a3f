/** CRuby in WebAssembly, on a file system in memory. */
import { Directory, type Fd, File, type Inode, OpenFile, PreopenDirectory, WASI } from '@bjorn3/browser_wasi_shim';
import { RubyVM } from '@ruby/wasm-wasi';
import { type EngineMemory, packSnapshot, restoreSnapshot } from './snapshot.ts';

export interface EngineOptions {
  /** The compiled engine. */
  module: WebAssembly.Module;
  env: Record<string, string>;
  stdout: Fd;
  stderr: Fd;
  /** The memory of an engine that has started before, as `takeSnapshot` gives it. */
  snapshot?: ArrayBuffer | undefined;
}

/** A running Ruby, and the files that it sees. */
export interface Engine {
  vm: RubyVM;
  files: Files;
}

/** What Ruby reads of its environment when it starts, and never again. */
const READ_AT_START = /^RUBY(OPT|LIB|_|SHELL)/;

/** Where an engine that wakes up finds its environment: names and values, with NULs between. */
const ENVIRONMENT = '/islet/environment';

/** Makes of an engine's memory a process of its own: its environment, and what makes its random numbers. */
const WAKE = `
  File.binread('${ENVIRONMENT}').force_encoding('UTF-8').split("\\0", -1).each_slice(2) { |name, value| ENV[name] = value }
  File.delete('${ENVIRONMENT}')
  Random.srand
  OpenSSL::Random.random_add(Random.urandom(64), 64) if defined?(OpenSSL::Random)
`;

export async function startEngine({ module, env, stdout, stderr, snapshot }: EngineOptions): Promise<Engine> {
  const pairs = Object.entries(env);
  const memory = pairs.some(([name]) => READ_AT_START.test(name)) ? undefined : snapshot;
  const variables = memory ? [] : pairs.map(([name, value]) => `${name}=${value}`);
  const { vm, wasi, instance, files } = await instantiate(module, { variables, stdout, stderr });
  if (!memory) {
    wasi.initialize(instance);
    vm.initialize();
  } else {
    restoreSnapshot(instance.exports.memory, memory);
    files.write(ENVIRONMENT, new TextEncoder().encode(pairs.flat().join('\0')));
    vm.eval(WAKE);
  }
  return { vm, files };
}

/**
 * The memory of an engine that has started and has loaded libraries.
 *
 * What is outside of it is as in an engine that has not started: files that are open, objects of JavaScript's that Ruby
 * holds, and the module's own variables, as no function of it is under way.
 *
 * @param libraries what is required
 * @throws Error when one cannot be, or leaves something outside
 */
export async function takeSnapshot(
  module: WebAssembly.Module,
  libraries: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const none = () => new OpenFile(new File([]));
  const { instance: fresh } = await instantiate(module, { variables: [], stdout: none(), stderr: none() });
  let calls = 0;
  const { vm, wasi, instance } = await instantiate(module, {
    variables: [],
    stdout: none(),
    stderr: none(),
    onCall: () => {
      calls += 1;
    },
  });
  wasi.initialize(instance);
  vm.initialize();
  const open = wasi.fds.length;
  vm.eval(`[${libraries.map((name) => `'${name}'`).join(', ')}].each { |name| require name }; 2.times { GC.start }`);
  if (calls > 0) throw new Error('The libraries have called JavaScript.');
  if (wasi.fds.slice(open).some(Boolean)) throw new Error('The libraries have left files open.');
  return packSnapshot(new Uint8Array(instance.exports.memory.buffer), new Uint8Array(fresh.exports.memory.buffer));
}

interface Instance {
  exports: { memory: EngineMemory; _initialize(): unknown };
}

interface Instantiated {
  vm: RubyVM;
  wasi: WASI;
  instance: Instance;
  files: Files;
}

/**
 * An engine that has not started.
 *
 * @param onCall is told when Ruby calls JavaScript
 */
async function instantiate(
  module: WebAssembly.Module,
  { variables, stdout, stderr, onCall }: { variables: string[]; stdout: Fd; stderr: Fd; onCall?(): void },
): Promise<Instantiated> {
  const root = new PreopenDirectory('/', new Map());
  const wasi = new WASI(['ruby'], variables, [new OpenFile(new File([])), stdout, stderr, root], { debug: false });
  const vm = new RubyVM();
  const imports: Record<string, Record<string, unknown>> = { wasi_snapshot_preview1: wasi.wasiImport };
  vm.addToImports(imports);
  if (onCall) {
    const host = imports['rb-js-abi-host'] as Record<string, (...args: unknown[]) => unknown>;
    for (const [name, call] of Object.entries(host)) {
      host[name] = (...args) => {
        onCall();
        return call(...args);
      };
    }
  }
  const instance = (await WebAssembly.instantiate(module, imports)) as unknown as Instance;
  await vm.setInstance(instance);
  wasi.inst = instance;
  return { vm, wasi, instance, files: new Files(root.dir) };
}

/** The files of an engine, by their absolute paths. */
export class Files {
  readonly #root: Directory;

  constructor(root: Directory) {
    this.#root = root;
  }

  /** Writes a file; its directories come to be. */
  write(path: string, bytes: Uint8Array): void {
    const [name = '', ...directories] = path.split('/').filter(Boolean).reverse();
    this.#directory(directories.reverse()).contents.set(name, new File(bytes));
  }

  /** The directory at a path, which comes to be. */
  directory(path: string): Directory {
    return this.#directory(path.split('/').filter(Boolean));
  }

  /** Gives a directory a second path, as a link does. */
  link(directory: Directory, path: string): void {
    const [name = '', ...directories] = path.split('/').filter(Boolean).reverse();
    this.#directory(directories.reverse()).contents.set(name, directory);
  }

  /** Gives a file's bytes and deletes it; undefined where there is none. */
  take(path: string): Uint8Array<ArrayBuffer> | undefined {
    const [name = '', ...directories] = path.split('/').filter(Boolean).reverse();
    const { contents } = this.#directory(directories.reverse());
    const file = contents.get(name);
    contents.delete(name);
    return file instanceof File ? (file.data as Uint8Array<ArrayBuffer>) : undefined;
  }

  #directory(names: readonly string[]): Directory {
    let directory = this.#root;
    for (const name of names) {
      let inode: Inode | undefined = directory.contents.get(name);
      if (!(inode instanceof Directory)) {
        inode = new Directory(new Map());
        directory.contents.set(name, inode);
      }
      directory = inode as Directory;
    }
    return directory;
  }
}
