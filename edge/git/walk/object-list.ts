import { GitError } from '../errors.ts';
import { parseTag } from '../objects/commit.ts';
import { ObjectType } from '../objects/object.ts';
import { type Oid, oidAt, oidBytes } from '../objects/oid.ts';
import { OidTable } from '../objects/oid-table.ts';
import { isGitlink, isTree, TreeCursor } from '../objects/tree.ts';
import type { ObjectFilter } from '../protocol/fetch-request.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { History } from './fetch-walk.ts';

/** More than a list may have; an offset times this is still exact in a double. */
const MAX_OBJECTS = 2 ** 22;

/** Objects to send. */
export class ObjectList {
  readonly oids = new OidTable();
  /** By number in `oids`: the pack, and where in it the entry begins. */
  #packs = new Uint32Array(256);
  #offsets = new Uint32Array(256);
  /** Objects that the client has, as far as they were met on the way: it can make deltas whole that stand on these. */
  readonly withClient = new OidTable();
  readonly #store: ObjectStore;
  readonly #filter: ObjectFilter | undefined;
  /** How near to a commit a tree has been met, by number in `#trees`. */
  readonly #trees = new OidTable();
  readonly #depths: number[] = [];

  constructor(store: ObjectStore, filter: ObjectFilter | undefined) {
    this.#store = store;
    this.#filter = filter;
  }

  /** Adds an object by itself; false when it is there already. */
  add(bytes: Uint8Array, at = 0): boolean {
    const before = this.oids.size;
    const id = this.oids.add(bytes, at);
    if (id < before) return false;
    const location = this.#store.find(bytes, at);
    if (!location) throw new GitError(`missing object ${oidAt(bytes, at)}`);
    if (id === MAX_OBJECTS) throw new GitError(`a fetch may get at most ${MAX_OBJECTS} objects at once`);
    if (id === this.#packs.length) this.#grow();
    this.#packs[id] = location.pack;
    this.#offsets[id] = location.offset;
    return true;
  }

  /** Where in its pack an object begins; `id` is its number in `oids`. */
  offset(id: number): number {
    return this.#offsets[id] ?? 0;
  }

  /** The numbers of the objects that are in a pack, in the order in which they stand there. */
  inPack(pack: number): Int32Array {
    const keys = new Float64Array(this.oids.size);
    let count = 0;
    for (let id = 0; id < this.oids.size; id++) {
      if (this.#packs[id] === pack) keys[count++] = this.offset(id) * MAX_OBJECTS + id;
    }
    return Int32Array.from(keys.subarray(0, count).sort(), (key) => key % MAX_OBJECTS);
  }

  /** Adds commits and what is new in their trees. */
  async addHistory({ commits, edges }: History): Promise<void> {
    for (const { oid, commit } of commits) {
      this.add(oidBytes(oid));
      const known = commit.parents.flatMap((parent) => edges.get(parent)?.tree ?? []);
      for (const tree of known) this.withClient.add(oidBytes(tree));
      await this.#addTree(oidBytes(commit.tree), known.map(oidBytes), 0);
    }
  }

  /** Adds an object that was asked for by its name, with all that it refers to, except for commits: these are returned. */
  async addWanted(oid: Oid): Promise<Oid | undefined> {
    const stat = await this.#store.stat(oid);
    if (!stat) throw new GitError(`upload-pack: not our ref ${oid}`);
    if (stat.type === ObjectType.commit) return oid;
    const bytes = oidBytes(oid);
    if (stat.type === ObjectType.tree) {
      this.add(bytes);
      await this.#addTree(bytes, [], 0);
    } else if (this.add(bytes) && stat.type === ObjectType.tag) {
      return this.addWanted(parseTag(await this.#store.read(oid, ObjectType.tag)).object);
    }
    return undefined;
  }

  /** @param known trees of the same place that the client has: what is in one of them is not new */
  async #addTree(tree: Uint8Array, known: Uint8Array[], depth: number): Promise<void> {
    if (this.#isBelow(depth) || !this.#isNearer(tree, depth)) return;
    this.add(tree);
    if (this.#isBelow(depth + 1)) return;
    const old = await this.#entriesOf(known);
    const cursor = new TreeCursor(await this.#store.read(oidAt(tree), ObjectType.tree));
    while (cursor.next()) {
      if (isGitlink(cursor.mode)) continue;
      const before = known.length > 0 ? (old.get(cursor.name()) ?? []) : [];
      if (before.some((oid) => equal(oid, cursor.data, cursor.oidAt))) continue;
      if (isTree(cursor.mode)) {
        await this.#addTree(cursor.data.subarray(cursor.oidAt, cursor.oidAt + 20), before, depth + 1);
      } else if (!this.#filter || (await this.#passes(oidAt(cursor.data, cursor.oidAt)))) {
        this.add(cursor.data, cursor.oidAt);
      }
    }
  }

  /** The entries of trees that the client has, by name. */
  async #entriesOf(trees: Uint8Array[]): Promise<Map<string, Uint8Array[]>> {
    const entries = new Map<string, Uint8Array[]>();
    for (const tree of trees) {
      const object = await this.#store.get(oidAt(tree));
      if (object?.type !== ObjectType.tree) continue;
      const cursor = new TreeCursor(object.data);
      while (cursor.next()) {
        const oid = cursor.data.subarray(cursor.oidAt, cursor.oidAt + 20);
        this.withClient.add(oid);
        const name = cursor.name();
        const same = entries.get(name);
        if (same) same.push(oid);
        else entries.set(name, [oid]);
      }
    }
    return entries;
  }

  #grow(): void {
    const [packs, offsets] = [this.#packs, this.#offsets];
    this.#packs = new Uint32Array(packs.length * 2);
    this.#offsets = new Uint32Array(packs.length * 2);
    this.#packs.set(packs);
    this.#offsets.set(offsets);
  }

  #isBelow(depth: number): boolean {
    return this.#filter?.type === 'depth' && depth >= this.#filter.limit;
  }

  /** Whether a tree has not been met yet, or only farther down, where a filter may have cut off what is below it. */
  #isNearer(tree: Uint8Array, depth: number): boolean {
    const id = this.#trees.add(tree);
    const met = this.#depths[id];
    if (met !== undefined && (this.#filter?.type !== 'depth' || met <= depth)) return false;
    this.#depths[id] = depth;
    return true;
  }

  async #passes(blob: Oid): Promise<boolean> {
    if (this.#filter?.type !== 'blobs') return true;
    if (this.#filter.limit === 0) return false;
    const stat = await this.#store.stat(blob);
    return stat !== undefined && stat.size < this.#filter.limit;
  }
}

function equal(oid: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < oid.length; i++) if (oid[i] !== bytes[at + i]) return false;
  return true;
}
