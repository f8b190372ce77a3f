/** The files of an instance: one tree in memory, which any number of engines have mounted at once. */
import {
  type Attributes,
  errno,
  type FileSystem,
  type Node,
  type NodeOps,
  type StreamOps,
  type,
} from './emscripten.ts';
import type { Mountable } from './mount.ts';

interface Inode {
  mode: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Of a file; what is after `size` is room to grow. */
  bytes: Uint8Array;
  size: number;
  /** Whether the bytes are someone else's, and are not to be written to. */
  given?: boolean;
  /** Of a directory. */
  entries?: Map<string, Inode>;
  /** Of a symbolic link. */
  target?: string;
}

const EMPTY = new Uint8Array(new ArrayBuffer(0));

/** A file that grows gets twice as much, until it is of this many bytes. */
const DOUBLED_UNTIL = 1024 ** 2;

export class FileTree implements Mountable {
  readonly #root: Inode = directory();

  /** Writes a file; its directories come to be. The bytes are not copied until PHP changes them. */
  write(path: string, content: Uint8Array | string): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) return;
    this.#makeDirectory(names).entries?.set(name, {
      mode: type.file | 0o644,
      time: Date.now(),
      bytes,
      size: bytes.length,
      given: true,
    });
  }

  /** Makes a directory and those above it. */
  makeDirectory(path: string): void {
    this.#makeDirectory(namesOf(path));
  }

  /** Undefined where there is no file. */
  read(path: string): Uint8Array<ArrayBuffer> | undefined {
    const inode = this.#find(path);
    return inode && isFile(inode) ? inode.bytes.slice(0, inode.size) : undefined;
  }

  isFile(path: string): boolean {
    const inode = this.#find(path);
    return inode !== undefined && isFile(inode);
  }

  isDirectory(path: string): boolean {
    return this.#find(path)?.entries !== undefined;
  }

  /** Follows links of the path's last part alone, and those that lead to a path beside it. */
  #find(path: string, hops = 0): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of namesOf(path)) inode = inode?.entries?.get(name);
    if (inode?.target === undefined || hops > 8) return inode;
    return inode.target.startsWith('/') ? undefined : this.#find(`${path}/../${inode.target}`, hops + 1);
  }

  #makeDirectory(names: readonly string[]): Inode {
    let inode = this.#root;
    for (const name of names) {
      let next = inode.entries?.get(name);
      if (!next?.entries) {
        next = directory();
        inode.entries?.set(name, next);
      }
      inode = next;
    }
    return inode;
  }

  /** What an engine needs to have the tree, or a directory of it, mounted. */
  mounted(FS: FileSystem, at = ''): NodeOps & { root(): Node; lookup(parent: Node, name: string): Node } {
    const nodes = new WeakMap<Inode, Node>();
    const inodes = new WeakMap<Node, Inode>();
    const of = (node: Node): Inode => inodes.get(node) ?? this.#root;
    const fail = (number: number): never => {
      throw new FS.ErrnoError(number);
    };
    const nodeOf = (inode: Inode, parent: Node | null, name: string): Node => {
      let node = nodes.get(inode);
      if (!node) {
        node = new FS.FSNode(parent, name, inode.mode, 0);
        node.node_ops = nodeOps;
        node.stream_ops = streamOps;
        nodes.set(inode, node);
        inodes.set(node, inode);
      }
      // It may have been moved by another engine.
      if (parent) Object.assign(node, { parent, name, mode: inode.mode });
      return node;
    };
    const add = (parent: Node, name: string, inode: Inode): Node => {
      const above = of(parent);
      above.entries?.set(name, inode);
      above.time = Date.now();
      return nodeOf(inode, parent, name);
    };
    const remove = (parent: Node, name: string): void => {
      const above = of(parent);
      above.entries?.delete(name);
      above.time = Date.now();
    };
    const nodeOps: NodeOps & { lookup(parent: Node, name: string): Node } = {
      getattr: (node) => attributes(node.id, of(node)),
      setattr: (node, { mode, size, timestamp }) => {
        const inode = of(node);
        if (mode !== undefined) node.mode = inode.mode = mode;
        if (timestamp !== undefined) inode.time = timestamp;
        if (size !== undefined) resize(inode, size);
      },
      lookup: (parent, name) => nodeOf(of(parent).entries?.get(name) ?? fail(errno.missing), parent, name),
      mknod: (parent, name, mode) =>
        add(parent, name, (mode & type.mask) === type.directory ? directory(mode) : emptyFile(mode)),
      rename: (node, above, name) => {
        const inode = of(node);
        if ((of(above).entries?.get(name)?.entries?.size ?? 0) > 0) fail(errno.notEmpty);
        remove(node.parent, node.name);
        add(above, name, inode);
      },
      unlink: remove,
      rmdir: (parent, name) => {
        if ((of(parent).entries?.get(name)?.entries?.size ?? 0) > 0) fail(errno.notEmpty);
        remove(parent, name);
      },
      readdir: (node) => ['.', '..', ...(of(node).entries?.keys() ?? [])],
      symlink: (parent, name, target) => add(parent, name, { ...emptyFile(type.link | 0o777), target }),
      readlink: (node) => of(node).target ?? fail(errno.invalid),
    };
    const streamOps: StreamOps = {
      read: ({ node }, memory, offset, length, position) => {
        const { bytes, size } = of(node);
        const count = Math.max(0, Math.min(size - position, length));
        memory.set(bytes.subarray(position, position + count), offset);
        return count;
      },
      write: ({ node }, memory, offset, length, position) => {
        const inode = of(node);
        reserve(inode, position + length);
        inode.bytes.set(memory.subarray(offset, offset + length), position);
        inode.size = Math.max(inode.size, position + length);
        inode.time = Date.now();
        return length;
      },
      llseek: ({ node, position }, offset, whence) => {
        const to = offset + (whence === 1 ? position : whence === 2 ? of(node).size : 0);
        return to < 0 ? fail(errno.invalid) : to;
      },
      allocate: ({ node }, offset, length) => resize(of(node), Math.max(of(node).size, offset + length)),
    };
    return {
      ...nodeOps,
      root: () => nodeOf(this.#makeDirectory(namesOf(at)), null, '/'),
    };
  }
}

const namesOf = (path: string): string[] => {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
};

const isFile = ({ mode }: Inode): boolean => (mode & type.mask) === type.file;

const directory = (mode = type.directory | 0o777): Inode => ({
  mode,
  time: Date.now(),
  bytes: EMPTY,
  size: 0,
  entries: new Map(),
});

const emptyFile = (mode: number): Inode => ({ mode, time: Date.now(), bytes: EMPTY, size: 0 });

function reserve(inode: Inode, size: number): void {
  const { length } = inode.bytes;
  if (size <= length && !inode.given) return;
  const room = Math.max(size, Math.floor(length * (length < DOUBLED_UNTIL ? 2 : 1.125)));
  const bytes = new Uint8Array(room);
  bytes.set(inode.bytes.subarray(0, inode.size));
  inode.bytes = bytes;
  inode.given = false;
}

function resize(inode: Inode, size: number): void {
  if (size < inode.size) {
    inode.bytes = inode.bytes.slice(0, size);
    inode.given = false;
  } else if (size > inode.size) {
    reserve(inode, size);
    inode.bytes.fill(0, inode.size, size);
  }
  inode.size = size;
}

function attributes(ino: number, { mode, time, size, entries, target }: Inode): Attributes {
  const date = new Date(time);
  const length = entries ? 4096 : (target?.length ?? size);
  return {
    ...{ dev: 1, ino, mode, nlink: 1, uid: 0, gid: 0, rdev: 0, size: length },
    ...{ atime: date, mtime: date, ctime: date, blksize: 4096, blocks: Math.ceil(length / 4096) },
  };
}
