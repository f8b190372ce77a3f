/** File trees of WASI programs: directories of this host, read when a program looks into them, and what it writes, in memory. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Directory, File, type Inode, OpenFile } from '@bjorn3/browser_wasi_shim';

/**
 * A directory of this host as a program sees it: its directories and files, without links. What the program writes into
 * it stays in memory.
 */
export const hostDirectory = (path: string): Directory => new Directory(new HostEntries(path));

/** A file of the program's own. */
export const memoryFile = (content: string | Uint8Array): File => {
  const file = growing(new File([]));
  file.data = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return file;
};

/** The root of a program's tree. */
export class Root extends Directory {
  constructor() {
    super(new Map());
  }

  /** Puts a file or directory at a path, and makes the directories above it. */
  put(path: string, inode: Inode): void {
    const names = path.split('/').filter(Boolean);
    const last = names.pop();
    if (last === undefined) throw new RangeError('The root itself cannot be put.');
    let { contents } = this;
    for (const name of names) {
      let next = contents.get(name);
      if (!(next instanceof Directory)) {
        next = new Directory(new Map());
        contents.set(name, next);
      }
      ({ contents } = next as Directory);
    }
    contents.set(last, inode);
  }

  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /** @returns the content of a file that the program wrote or read */
  read(path: string): Uint8Array | undefined {
    const inode = this.#find(path);
    return inode instanceof File ? inode.data : undefined;
  }

  /** Lets the program write a file of the host's, for itself alone. */
  own(path: string): void {
    const inode = this.#find(path);
    if (inode instanceof HostFile) this.put(path, memoryFile(inode.content()));
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = this;
    for (const name of path.split('/').filter(Boolean)) {
      inode = inode instanceof Directory ? inode.contents.get(name) : undefined;
    }
    return inode;
  }

  override create_entry_for_path(path: string, isDirectory: boolean): { ret: number; entry: Inode | null } {
    const made = super.create_entry_for_path(path, isDirectory);
    if (made.entry instanceof File) growing(made.entry);
    return made;
  }
}

/** The entries of a directory of the host, by name. */
class HostEntries extends Map<string, Inode> {
  readonly #path: string;
  #read = false;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  #load(): void {
    if (this.#read) return;
    this.#read = true;
    for (const entry of readdirSync(this.#path, { withFileTypes: true })) {
      const path = join(this.#path, entry.name);
      if (super.has(entry.name)) continue;
      if (entry.isDirectory()) super.set(entry.name, hostDirectory(path));
      else if (entry.isFile()) super.set(entry.name, new HostFile(path));
    }
  }

  override get(name: string): Inode | undefined {
    this.#load();
    return super.get(name);
  }

  override has(name: string): boolean {
    this.#load();
    return super.has(name);
  }

  override delete(name: string): boolean {
    this.#load();
    return super.delete(name);
  }

  override keys(): MapIterator<string> {
    this.#load();
    return super.keys();
  }

  override entries(): MapIterator<[string, Inode]> {
    this.#load();
    return super.entries();
  }

  override get size(): number {
    this.#load();
    return super.size;
  }

  // `values` reads nothing: a Directory asks for them when it is made.
}

class HostFile extends File {
  readonly #path: string;
  #read = false;

  constructor(path: string) {
    super([], { readonly: true });
    this.#path = path;
  }

  content(): Uint8Array {
    if (!this.#read) this.data = readFileSync(this.#path);
    this.#read = true;
    return this.data;
  }

  override path_open(...[flags, rights, mode]: Parameters<File['path_open']>): ReturnType<File['path_open']> {
    this.content();
    return super.path_open(flags, rights, mode);
  }

  override get size(): bigint {
    return BigInt(this.#read ? this.data.length : statSync(this.#path).size);
  }
}

/** Lets a file that is written piece by piece take room ahead: the library makes it anew for each piece. */
function growing(file: File): File {
  const open = file.path_open.bind(file);
  file.path_open = (...parameters) => {
    const opened = open(...parameters);
    if (opened.ret !== 0) return opened;
    const growing = new GrowingFile(file);
    growing.file_pos = opened.fd_obj.file_pos;
    return { ret: 0, fd_obj: growing };
  };
  return file;
}

class GrowingFile extends OpenFile {
  override fd_write(data: Uint8Array): { ret: number; nwritten: number } {
    const written = this.fd_pwrite(data, this.file_pos);
    this.file_pos += BigInt(written.nwritten);
    return written;
  }

  override fd_pwrite(data: Uint8Array, offset: bigint): { ret: number; nwritten: number } {
    const start = Number(offset);
    const end = start + data.length;
    const { file } = this;
    if (end > file.data.length) {
      let { buffer } = file.data;
      if (file.data.byteOffset !== 0 || buffer.byteLength < end) {
        buffer = new ArrayBuffer(Math.max(end, file.data.length * 2, 4096));
        new Uint8Array(buffer).set(file.data);
      }
      file.data = new Uint8Array(buffer, 0, end);
    }
    file.data.set(data, start);
    return { ret: 0, nwritten: data.length };
  }
}
