import type { Commit } from '../objects/commit.ts';
import type { Oid } from '../objects/oid.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { CommitQueue } from './commit-walk.ts';

export interface HistoryRequest {
  /** Commits that the client wants, and those whose history it has. */
  wants: Iterable<Oid>;
  haves: Iterable<Oid>;
  /** Where the client's own history ends. */
  clientShallow: ReadonlySet<Oid>;
  /** Where the history that it gets is to end. */
  shallow: ReadonlySet<Oid>;
}

export interface History {
  /** The commits to send, each after its parents as far as their times are in order. */
  commits: { oid: Oid; commit: Commit }[];
  /** Commits that the client has, among the parents of those to send. */
  edges: Map<Oid, Commit>;
}

const WANT = 1;
const HAVE = 2;

interface Node {
  oid: Oid;
  commit: Commit;
  flags: number;
  queued: boolean;
}

/** What is wanted and not known to be with the client. */
const isOpen = ({ flags }: Node): boolean => flags === WANT;

/** Finds the commits that are reachable from what is wanted and not from what the client has. */
export async function walkHistory(store: ObjectStore, request: HistoryRequest): Promise<History> {
  const nodes = new Map<Oid, Node>();
  const queue = new CommitQueue();
  const found: Node[] = [];
  // Open nodes in the queue. Without any, what is left is the client's own history.
  let open = 0;
  const mark = async (oid: Oid, flag: number) => {
    let node = nodes.get(oid);
    if (!node) {
      node = { oid, commit: await store.commit(oid), flags: 0, queued: false };
      nodes.set(oid, node);
    }
    if ((node.flags & flag) !== 0) return;
    if (node.queued && isOpen(node)) open--;
    node.flags |= flag;
    if (isOpen(node)) open++;
    if (!node.queued) queue.push(oid, node.commit);
    node.queued = true;
  };
  for (const oid of request.wants) await mark(oid, WANT);
  for (const oid of request.haves) await mark(oid, HAVE);
  while (open > 0) {
    const node = nodes.get(queue.pop()?.oid ?? '');
    if (!node) break;
    node.queued = false;
    if (isOpen(node)) {
      open--;
      found.push(node);
    }
    const [flag, ends] = isOpen(node) ? [WANT, request.shallow] : [HAVE, request.clientShallow];
    if (!ends.has(node.oid)) for (const parent of node.commit.parents) await mark(parent, flag);
  }
  const commits = found.filter(isOpen).reverse();
  const edges = new Map<Oid, Commit>();
  for (const parent of commits.flatMap(({ commit }) => commit.parents)) {
    const node = nodes.get(parent);
    if (node && node.flags & HAVE) edges.set(parent, node.commit);
  }
  return { commits, edges };
}

/** Whether each wanted commit has some ancestor, or is one, that client and server both have. */
export async function allReach(store: ObjectStore, wants: Iterable<Oid>, common: ReadonlySet<Oid>): Promise<boolean> {
  if (common.size === 0) return false;
  let oldest = Number.POSITIVE_INFINITY;
  for (const oid of common) oldest = Math.min(oldest, (await store.commit(oid)).time);
  for (const want of wants) if (!(await reaches(store, want, common, oldest))) return false;
  return true;
}

async function reaches(store: ObjectStore, from: Oid, common: ReadonlySet<Oid>, oldest: number): Promise<boolean> {
  const queue = new CommitQueue();
  const seen = new Set([from]);
  queue.push(from, await store.commit(from));
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (common.has(next.oid)) return true;
    if (next.commit.time < oldest) continue;
    for (const parent of next.commit.parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent, await store.commit(parent));
    }
  }
  return false;
}
