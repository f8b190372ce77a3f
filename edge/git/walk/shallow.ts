import { GitError } from '../errors.ts';
import type { Oid } from '../objects/oid.ts';
import type { Deepen } from '../protocol/fetch-request.ts';
import type { Ref } from '../repository.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { CommitQueue } from './commit-walk.ts';

/** Where the client's history is to end, and what of that it does not know yet. */
export interface ShallowUpdate {
  /** Every commit that the client is to take as having no parents. */
  boundary: ReadonlySet<Oid>;
  shallow: Oid[];
  unshallow: Oid[];
}

/** What git sends as the depth for all of the history. */
const INFINITE = 0x7fffffff;

/**
 * Works out the boundary for `deepen`, `deepen-since` and `deepen-not` (gitprotocol-pack, "Packfile Negotiation").
 * @param wants commits
 * @throws GitError when nothing is left of the history
 */
export async function cutHistory(
  store: ObjectStore,
  { wants, clientShallow, deepen, refs }: { wants: Oid[]; clientShallow: Oid[]; deepen: Deepen; refs: Ref[] },
): Promise<ShallowUpdate> {
  const { reached, boundary } =
    deepen.depth === undefined
      ? await cutByCommits(store, wants, deepen, refs)
      : await cutByDepth(
          store,
          wants,
          deepen.relative ? await relativeDepth(store, wants, clientShallow, deepen.depth) : deepen.depth,
        );
  const known = new Set(clientShallow);
  return {
    boundary,
    shallow: [...boundary].filter((oid) => !known.has(oid)),
    unshallow: clientShallow.filter((oid) => reached.has(oid) && !boundary.has(oid)),
  };
}

interface Cut {
  reached: ReadonlySet<Oid>;
  boundary: Set<Oid>;
}

/** A commit that is `depth` from the nearest wanted one, itself counted, is on the boundary. */
async function cutByDepth(store: ObjectStore, wants: Oid[], depth: number): Promise<Cut> {
  const reached = new Set(wants);
  const boundary = new Set<Oid>();
  let level = [...reached];
  for (let at = 1; level.length > 0; at++) {
    const next: Oid[] = [];
    for (const oid of level) {
      const { parents } = await store.commit(oid);
      if (at === depth && depth < INFINITE) {
        if (parents.length > 0) boundary.add(oid);
        continue;
      }
      for (const parent of parents) {
        if (reached.has(parent)) continue;
        reached.add(parent);
        next.push(parent);
      }
    }
    level = next;
  }
  return { reached, boundary };
}

/** `depth` more than the commits there are now between the wanted ones and the farthest end of the client's history. */
async function relativeDepth(store: ObjectStore, wants: Oid[], clientShallow: Oid[], depth: number): Promise<number> {
  const ends = new Set(clientShallow);
  const seen = new Set(wants);
  let farthest = 0;
  let level = [...seen];
  for (let at = 1; level.length > 0; at++) {
    const next: Oid[] = [];
    for (const oid of level) {
      if (ends.has(oid)) {
        farthest = at;
        continue;
      }
      for (const parent of (await store.commit(oid)).parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        next.push(parent);
      }
    }
    level = next;
  }
  return farthest === 0 ? INFINITE : farthest + depth;
}

/** Commits that are new enough and not in the history of a ref that is left out; those with a parent that is not. */
async function cutByCommits(store: ObjectStore, wants: Oid[], deepen: Deepen, refs: Ref[]): Promise<Cut> {
  const left = await historyOf(
    store,
    deepen.not.map((name) => commitOf(refs, name)),
  );
  const since = deepen.since ?? 0;
  const isOut = async (oid: Oid) => left.has(oid) || (await store.commit(oid)).time < since;
  const reached = new Set<Oid>();
  const boundary = new Set<Oid>();
  const pending: Oid[] = [];
  for (const oid of wants) if (!(await isOut(oid))) pending.push(oid);
  for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
    if (reached.has(oid)) continue;
    reached.add(oid);
    for (const parent of (await store.commit(oid)).parents) {
      if (await isOut(parent)) boundary.add(oid);
      else pending.push(parent);
    }
  }
  if (reached.size === 0) throw new GitError('no commits selected for shallow requests');
  return { reached, boundary };
}

function commitOf(refs: Ref[], name: string): Oid {
  const names = [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`];
  const ref = names.map((full) => refs.find((candidate) => candidate.name === full)).find(Boolean);
  if (!ref) throw new GitError(`git upload-pack: deepen-not is not a ref: ${name.slice(0, 200)}`);
  return ref.peeled ?? ref.oid;
}

async function historyOf(store: ObjectStore, tips: Oid[]): Promise<ReadonlySet<Oid>> {
  const seen = new Set(tips);
  const queue = new CommitQueue();
  for (const oid of seen) queue.push(oid, await store.commit(oid));
  for (let next = queue.pop(); next; next = queue.pop()) {
    for (const parent of next.commit.parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent, await store.commit(parent));
    }
  }
  return seen;
}
