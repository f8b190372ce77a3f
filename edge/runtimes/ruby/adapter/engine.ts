/** CRuby in WebAssembly, on a file system in memory. */
import { Directory, type Fd, File, type Inode, OpenFile, PreopenDirectory, WASI } from '@bjorn3/browser_wasi_shim';
import { RubyVM } from '@ruby/wasm-wasi';

export interface EngineOptions {
  /** The compiled engine. */
  module: WebAssembly.Module;
  env: Record<string, string>;
  stdout: Fd;
  stderr: Fd;
}

/** A running Ruby, and the files that it sees. */
export interface Engine {
  vm: RubyVM;
  files: Files;
}

export async function startEngine({ module, env, stdout, stderr }: EngineOptions): Promise<Engine> {
  const root = new PreopenDirectory('/', new Map());
  const wasip1 = new WASI(
    ['ruby'],
    Object.entries(env).map(([name, value]) => `${name}=${value}`),
    [new OpenFile(new File([])), stdout, stderr, root],
    { debug: false },
  );
  const { vm } = await RubyVM.instantiateModule({ module, wasip1 });
  return { vm, files: new Files(root.dir) };
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
