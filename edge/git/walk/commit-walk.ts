import type { Commit } from '../objects/commit.ts';
import type { Oid } from '../objects/oid.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Commits by time, the newest first: a binary heap. */
export class CommitQueue {
  readonly #heap: { oid: Oid; commit: Commit }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(oid: Oid, commit: Commit): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push({ oid, commit });
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swap(parent, at)) break;
      at = parent;
    }
  }

  pop(): { oid: Oid; commit: Commit } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const newest = this.#time(right) > this.#time(left) ? right : left;
      if (!this.#swap(at, newest)) return first;
      at = newest;
    }
  }

  #time(at: number): number {
    return this.#heap[at]?.commit.time ?? -1;
  }

  /** Puts the newer of the two above; false when it is there. */
  #swap(above: number, below: number): boolean {
    const [a, b] = [this.#heap[above], this.#heap[below]];
    if (!a || !b || b.commit.time <= a.commit.time) return false;
    this.#heap[above] = b;
    this.#heap[below] = a;
    return true;
  }
}

/** How many commits are looked at to tell whether an update is a fast-forward. */
const ANCESTOR_LIMIT = 2000;

/**
 * Whether a commit is among the ancestors of another. False as well when it takes too long to tell, or it is not a
 * commit; so use it only where that does no harm.
 */
export async function isAncestor(store: ObjectStore, ancestor: Oid, descendant: Oid): Promise<boolean> {
  const target = await store.commit(ancestor).catch(() => undefined);
  if (!target) return false;
  const queue = new CommitQueue();
  const seen = new Set<Oid>([descendant]);
  queue.push(descendant, await store.commit(descendant));
  for (let looked = 0; looked < ANCESTOR_LIMIT; looked++) {
    const next = queue.pop();
    if (!next) return false;
    if (next.oid === ancestor) return true;
    if (next.commit.time < target.time) continue;
    for (const parent of next.commit.parents) {
      if (parent === ancestor) return true;
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent, await store.commit(parent));
    }
  }
  return false;
}
