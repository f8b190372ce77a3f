/** The machine's file tree: in memory, bounded, and able to tell what changed since it was imported. */
import { resolve as joinPath } from 'node:path';
import { createFsFromVolume, Volume } from 'memfs';
import type { TreeEntry, WireEntry } from '../protocol.ts';

type Core = Volume['_core'];
type Link = Core['root'];
type Inode = Link['node'];

export const fs = createFsFromVolume(new Volume());
const core = (fs as unknown as { __vol: Volume }).__vol._core;

/** What the tree may hold; the machine sets it before anything runs. */
export const treeLimits = { files: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** Told when the tree is over a limit, before the call that crossed it fails. */
export const onTreeLimit: { report: (limit: 'files' | 'treeBytes', used: number) => void } = { report: () => {} };

let files = 0;
let bytes = 0;

/** Counts are exact only for what is added; what was removed is noticed when they seem to reach the limit. */
function count(): void {
  files = 0;
  bytes = 0;
  const seen = new Set<Inode>();
  visit(core.root, '', ({ node }) => {
    if (seen.has(node)) return;
    seen.add(node);
    files += 1;
    bytes += node.getSize();
  });
}

function refuse(limit: 'files' | 'treeBytes', used: number): never {
  onTreeLimit.report(limit, used);
  throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', errno: -28 });
}

const createNode = core.createNode;
core.createNode = (mode) => {
  if (++files > treeLimits.files) {
    count();
    if (++files > treeLimits.files) refuse('files', files);
  }
  return createNode.call(core, mode);
};

const write = core.write;
core.write = (fd, buffer, offset, length, position) => {
  const written = length ?? buffer.length;
  bytes += written;
  if (bytes > treeLimits.bytes) {
    count();
    bytes += written;
    if (bytes > treeLimits.bytes) refuse('treeBytes', bytes);
  }
  return write.call(core, fd, buffer, offset, length, position);
};

const ftruncate = core.ftruncate;
Object.defineProperty(core, 'ftruncate', {
  value: (fd: number, length = 0) => {
    if (length > treeLimits.bytes) refuse('treeBytes', length);
    ftruncate.call(core, fd, length);
  },
});

/** Visits every link below one, parents first. */
function visit(link: Link, path: string, see: (link: Link, path: string) => void): void {
  for (const [name, child] of link.children) {
    if (child === undefined || name === '.' || name === '..') continue;
    const childPath = `${path}/${name}`;
    see(child, childPath);
    if (child.node.isDirectory()) visit(child, childPath, see);
  }
}

/** Each inode's change time when it was imported. memfs makes a new Date for each change, so identity tells them apart. */
const imported = new Map<string, { node: Inode; ctime: Date }>();

/** Puts entries into the tree, and takes them as the state that changes are told against. */
export function importEntries(entries: readonly WireEntry[]): void {
  applyEntries(entries, '/');
  for (const { path } of entries) {
    for (let known = path; known !== '' && !imported.has(known); known = known.slice(0, known.lastIndexOf('/'))) {
      remember(known);
    }
    remember(path);
  }
}

/** Puts entries into the tree. Their paths are seen from `root`. */
export function applyEntries(entries: readonly WireEntry[], root: string): void {
  for (const entry of entries) {
    const path = joinPath(root, entry.path);
    if (entry.type === 'more') fs.appendFileSync(path, Buffer.from(entry.content));
    else if (entry.type === 'deleted') fs.rmSync(path, { recursive: true, force: true });
    else {
      if (entry.type === 'directory') fs.mkdirSync(path, { recursive: true });
      else {
        const parent = path.slice(0, path.lastIndexOf('/'));
        if (parent !== '') fs.mkdirSync(parent, { recursive: true });
        if (entry.type === 'symlink') {
          fs.rmSync(path, { force: true });
          fs.symlinkSync(entry.target, path);
        } else fs.writeFileSync(path, entry.content, { mode: entry.mode });
      }
    }
  }
}

function remember(path: string): void {
  const link = core.getLink(path.split('/').filter(Boolean));
  if (link !== null) imported.set(path, { node: link.node, ctime: link.node.ctime });
}

/** Lists what was created, changed or deleted below `root` since it was imported; paths are relative to `root`. */
export function* listChanges(root: string): Generator<TreeEntry> {
  const top = core.getLink(root.split('/').filter(Boolean));
  const present = new Map<string, Inode>();
  if (top !== null) visit(top, root, ({ node }, path) => present.set(path, node));
  for (const path of imported.keys()) {
    if (!path.startsWith(`${root}/`) || present.has(path)) continue;
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent === root || present.has(parent)) yield { type: 'deleted', path: path.slice(root.length + 1) };
  }
  for (const [absolute, node] of present) {
    const before = imported.get(absolute);
    const path = absolute.slice(root.length + 1);
    const unchanged = node.isDirectory()
      ? before?.node.isDirectory()
      : before?.node === node && before.ctime === node.ctime;
    if (!unchanged) yield entryOf(path, node, absolute);
  }
}

/** Lists everything below `root`; paths are relative to it. */
export function* listTree(root: string): Generator<TreeEntry> {
  const links: [string, Inode][] = [];
  const top = core.getLink(root.split('/').filter(Boolean));
  if (top !== null) visit(top, '', ({ node }, path) => links.push([path.slice(1), node]));
  for (const [path, node] of links) yield entryOf(path, node, joinPath(root, path));
}

function entryOf(path: string, node: Inode, absolute: string): TreeEntry {
  if (node.isDirectory()) return { type: 'directory', path, mode: node.perm };
  if (node.isSymlink()) return { type: 'symlink', path, target: String(fs.readlinkSync(absolute)) };
  return { type: 'file', path, mode: node.perm, content: node.getBuffer() };
}
