/** What is used of Emscripten's Module object and of its file system ("File System API", Emscripten). */

/** What the module `php.mjs` makes. */
export interface Php {
  ccall(name: string, returns: string | null, types: string[], args: unknown[], options?: { async: boolean }): unknown;
  /** Puts a function into the table of those that the program calls by address. */
  addFunction(work: (...args: number[]) => unknown, signature: string): number;
  wasmTable: { get(address: number): (...args: number[]) => number; length: number };
  Asyncify: {
    /** 0 while the program runs. */
    state: number;
    /** Takes the program off its stack until it is woken, and gives what it is woken with. */
    handleSleep(start: (wakeUp: (value?: number) => void) => void): unknown;
  };
  HEAPU8: Uint8Array<ArrayBuffer>;
  HEAPU32: Uint32Array;
  FS: FileSystem;
}

export interface Node {
  id: number;
  mode: number;
  name: string;
  parent: Node;
  mount: Mount;
  mounted: Mount | null;
  rdev: number;
  node_ops: NodeOps;
  stream_ops: StreamOps;
}

export interface Mount {
  type: object;
  mountpoint: string;
  root: Node;
}

/** What FS gives for one of a node, as stat(2) has it. */
export interface Attributes {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  atime: Date;
  mtime: Date;
  ctime: Date;
  blksize: number;
  blocks: number;
}

export interface NodeOps {
  getattr?(node: Node): Attributes;
  setattr?(node: Node, attributes: { mode?: number; size?: number; timestamp?: number }): void;
  lookup?(parent: Node, name: string): Node;
  mknod?(parent: Node, name: string, mode: number, dev: number): Node;
  rename?(node: Node, directory: Node, name: string): void;
  unlink?(parent: Node, name: string): void;
  rmdir?(parent: Node, name: string): void;
  readdir?(node: Node): string[];
  symlink?(parent: Node, name: string, target: string): Node;
  readlink?(node: Node): string;
}

export interface Stream {
  fd: number;
  node: Node;
  flags: number;
  position: number;
  /** Of the file that a stream of a machine's has open. */
  opened?: number;
}

export interface StreamOps {
  open?(stream: Stream): void;
  close?(stream: Stream): void;
  read?(stream: Stream, memory: Int8Array, offset: number, length: number, position: number): number;
  write?(stream: Stream, memory: Int8Array, offset: number, length: number, position: number): number;
  llseek?(stream: Stream, offset: number, whence: number): number;
  allocate?(stream: Stream, offset: number, length: number): void;
  poll?(stream: Stream): number;
}

export interface FileSystem {
  ErrnoError: new (errno: number) => Error;
  FSNode: new (parent: Node | null, name: string, mode: number, rdev: number) => Node;
  root: Node;
  streams: ((Stream & { stream_ops: StreamOps }) | null)[];
  mkdirTree(path: string): void;
  writeFile(path: string, bytes: Uint8Array | string): void;
  mount(type: { mount(mount: Mount): Node }, options: object, mountpoint: string): Node;
  createStream(stream: object): Stream;
  cwd(): string;
  lookupPath(path: string, options?: object): { path: string; node: Node | null };
  lookupNode(parent: Node, name: string): Node;
  hashAddNode(node: Node): void;
}

/** Numbers of errors, as WASI has them. */
export const errno = {
  access: 2,
  again: 6,
  bad: 8,
  exists: 20,
  invalid: 28,
  loop: 32,
  missing: 44,
  notEmpty: 55,
  pipe: 64,
};

export const type = { mask: 0o170000, directory: 0o040000, file: 0o100000, link: 0o120000 };
