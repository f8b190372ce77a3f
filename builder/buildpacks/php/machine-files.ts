/** The files of a machine as PHP has them: its own, not a copy, so that a program and those that it starts see the same. */
import {
  chmodSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {
  type Attributes,
  errno,
  type FileSystem,
  type as kinds,
  type Node,
  type NodeOps,
  type Stream,
  type StreamOps,
} from '../../../edge/runtimes/php/adapter/emscripten.ts';
import type { Mountable } from '../../../edge/runtimes/php/adapter/mount.ts';

/** Numbers of errors by Node's names, as WASI has them. */
const numbers: Readonly<Record<string, number>> = {
  EACCES: errno.access,
  EBADF: errno.bad,
  EEXIST: errno.exists,
  EINVAL: errno.invalid,
  EISDIR: 31,
  ELOOP: errno.loop,
  ENOENT: errno.missing,
  ENOSPC: 51,
  ENOTDIR: 54,
  ENOTEMPTY: errno.notEmpty,
  EPERM: 63,
  EROFS: 69,
};

/** As open(2) numbers them here. */
const CREATE = 0o100 | 0o200 | 0o1000;

export const machineFiles: Mountable = {
  mounted(FS: FileSystem, at = '/') {
    const nodes = new Map<string, Node>();
    const pathOf = (node: Node): string =>
      node.parent === node ? at : `${pathOf(node.parent).replace(/\/$/, '')}/${node.name}`;
    const attempt = <Result>(work: () => Result): Result => {
      try {
        return work();
      } catch (error) {
        throw new FS.ErrnoError(numbers[(error as NodeJS.ErrnoException).code ?? ''] ?? errno.invalid);
      }
    };
    const nodeOf = (parent: Node | null, name: string, path: string, mode: number): Node => {
      let node = nodes.get(path);
      if (!node || (node.mode & kinds.mask) !== (mode & kinds.mask)) {
        node = new FS.FSNode(parent, name, mode, 0);
        node.node_ops = nodeOps;
        node.stream_ops = streamOps;
        nodes.set(path, node);
      }
      return Object.assign(node, { mode });
    };
    const lookup = (parent: Node, name: string): Node => {
      const path = `${pathOf(parent).replace(/\/$/, '')}/${name}`;
      return nodeOf(parent, name, path, modeOf(attempt(() => lstatSync(path))));
    };
    const inside = (parent: Node, name: string): string => `${pathOf(parent).replace(/\/$/, '')}/${name}`;
    const nodeOps: NodeOps & { lookup(parent: Node, name: string): Node } = {
      lookup,
      getattr: (node) =>
        attributes(
          node.id,
          attempt(() => lstatSync(pathOf(node))),
        ),
      setattr: (node, { mode, size, timestamp }) => {
        const path = pathOf(node);
        attempt(() => {
          if (mode !== undefined) chmodSync(path, mode & 0o7777);
          if (timestamp !== undefined) utimesSync(path, timestamp / 1000, timestamp / 1000);
          if (size !== undefined) truncateSync(path, size);
        });
        if (mode !== undefined) node.mode = mode;
      },
      mknod: (parent, name, mode) => {
        const path = inside(parent, name);
        attempt(() =>
          (mode & kinds.mask) === kinds.directory
            ? mkdirSync(path, { mode: mode & 0o777 })
            : writeFileSync(path, '', { mode: mode & 0o777 }),
        );
        return lookup(parent, name);
      },
      rename: (node, directory, name) => {
        const [from, to] = [pathOf(node), inside(directory, name)];
        attempt(() => renameSync(from, to));
        // What was below it is below another now.
        for (const path of [...nodes.keys()]) {
          if (path === from || path === to || path.startsWith(`${from}/`)) nodes.delete(path);
        }
        node.name = name;
      },
      unlink: (parent, name) => attempt(() => unlinkSync(inside(parent, name))),
      rmdir: (parent, name) => attempt(() => rmdirSync(inside(parent, name))),
      readdir: (node) => ['.', '..', ...attempt(() => readdirSync(pathOf(node)))],
      symlink: (parent, name, target) => {
        attempt(() => symlinkSync(target, inside(parent, name)));
        return lookup(parent, name);
      },
      readlink: (node) => attempt(() => readlinkSync(pathOf(node))),
    };
    const streamOps: StreamOps = {
      open: (stream) => {
        if ((stream.node.mode & kinds.mask) === kinds.directory) return;
        stream.opened = attempt(() => openSync(pathOf(stream.node), stream.flags & 3 & ~CREATE));
      },
      close: ({ opened }) => {
        if (opened !== undefined) attempt(() => closeSync(opened));
      },
      read: (stream, memory, offset, length, position) =>
        attempt(() => readSync(descriptor(stream), bytesOf(memory, offset, length), 0, length, position)),
      write: (stream, memory, offset, length, position) =>
        // A copy: the memory may be another before a machine's file takes it.
        attempt(() =>
          writeSync(descriptor(stream), Uint8Array.from(bytesOf(memory, offset, length)), 0, length, position),
        ),
      llseek: (stream, offset, whence) => {
        const from =
          whence === 1 ? stream.position : whence === 2 ? attempt(() => fstatSync(descriptor(stream)).size) : 0;
        if (from + offset < 0) throw new FS.ErrnoError(errno.invalid);
        return from + offset;
      },
      allocate: (stream, offset, length) =>
        attempt(() => {
          if (fstatSync(descriptor(stream)).size < offset + length) ftruncateSync(descriptor(stream), offset + length);
        }),
    };
    const descriptor = ({ opened }: Stream): number => {
      if (opened === undefined) throw new FS.ErrnoError(errno.bad);
      return opened;
    };
    return { ...nodeOps, lookup, root: () => nodeOf(null, '/', at, kinds.directory | 0o777) };
  },
};

const bytesOf = (memory: Int8Array, offset: number, length: number): Uint8Array =>
  new Uint8Array(memory.buffer as ArrayBuffer, memory.byteOffset + offset, length);

/** Whoever runs in a machine may do all in it. */
function modeOf(stat: Stats): number {
  const kind = stat.isDirectory() ? kinds.directory : stat.isSymbolicLink() ? kinds.link : kinds.file;
  return kind | (stat.mode & 0o777) | (stat.isDirectory() ? 0o777 : 0o666);
}

function attributes(ino: number, stat: Stats): Attributes {
  const { size, atime, mtime, ctime } = stat;
  return {
    ...{ dev: 1, ino, mode: modeOf(stat), nlink: 1, uid: 0, gid: 0, rdev: 0, size },
    ...{ atime, mtime, ctime, blksize: 4096, blocks: Math.ceil(size / 512) },
  };
}
