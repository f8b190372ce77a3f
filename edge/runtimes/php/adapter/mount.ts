/**
 * Mounts trees that are not Emscripten's own into an engine. Emscripten remembers every node by its name; what others can
 * change must be looked up each time.
 */
import { errno, type FileSystem, type Node, type NodeOps, type } from './emscripten.ts';

/** A tree that an engine can have mounted. */
export interface Mountable {
  /** @param at a directory of the tree */
  mounted(FS: FileSystem, at?: string): NodeOps & { root(): Node; lookup(parent: Node, name: string): Node };
}

const MAX_LINKS = 40;

/** What `mount` keeps of an engine's file system. */
interface Mounts {
  types: Set<object>;
  /** Directories of mounted trees with another tree over them. */
  points: WeakMap<Node, Map<string, Node>>;
}

const known = new WeakMap<FileSystem, Mounts>();

/** @param at the directory of the tree that comes to be at `place` */
export function mount(FS: FileSystem, tree: Mountable, place: string, at = ''): void {
  const { types, points } = known.get(FS) ?? prepare(FS);
  const { root, lookup } = tree.mounted(FS, at);
  const kind = { mount: root, lookup };
  types.add(kind);
  FS.mkdirTree(place);
  FS.mount(kind, {}, place);
  const { node } = FS.lookupPath(place, { follow_mount: false });
  if (!node || !types.has(node.parent.mount.type)) return;
  const over = points.get(node.parent) ?? new Map<string, Node>();
  points.set(node.parent, over.set(node.name, node));
}

function prepare(FS: FileSystem): Mounts {
  const mounts: Mounts = { types: new Set(), points: new WeakMap() };
  known.set(FS, mounts);
  const { lookupNode, hashAddNode } = FS;
  FS.hashAddNode = (node) => {
    if (!mounts.types.has(node.mount.type)) hashAddNode(node);
  };
  FS.lookupNode = (parent, name) => {
    if (!mounts.types.has(parent.mount.type)) return lookupNode(parent, name);
    if ((parent.mode & type.mask) !== type.directory) throw new FS.ErrnoError(54);
    return mounts.points.get(parent)?.get(name) ?? (parent.node_ops.lookup as typeof lookupNode)(parent, name);
  };
  // Emscripten's takes a path apart three times for each of its parts.
  FS.lookupPath = (path, options = {}) => find(FS, path, options);
  return mounts;
}

interface Options {
  parent?: boolean;
  follow?: boolean;
  follow_mount?: boolean;
  recurse_count?: number;
}

function find(
  FS: FileSystem,
  path: string,
  { parent = false, follow = false, follow_mount = true, recurse_count = 0 }: Options,
): { path: string; node: Node | null } {
  if (recurse_count > MAX_LINKS) throw new FS.ErrnoError(errno.loop);
  if (path === '') return { path: '', node: null };
  const names = normalized(path.startsWith('/') ? path : `${FS.cwd()}/${path}`);
  let node = FS.root;
  for (let at = 0; at < names.length; at++) {
    const last = at === names.length - 1;
    if (last && parent) break;
    node = FS.lookupNode(node, names[at] ?? '');
    if (node.mounted && (!last || follow_mount)) node = node.mounted.root;
    if ((node.mode & type.mask) === type.link && (!last || follow)) {
      const target = (node.node_ops.readlink as (node: Node) => string)(node);
      const above = target.startsWith('/') ? '' : `/${names.slice(0, at).join('/')}`;
      const rest = names.slice(at + 1).join('/');
      const onward = `${above}/${target}${rest && `/${rest}`}`;
      return find(FS, onward, { parent, follow, follow_mount, recurse_count: recurse_count + 1 });
    }
  }
  return { path: `/${names.join('/')}`, node };
}

function normalized(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}
