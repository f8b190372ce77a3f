import { GitError } from '../errors.ts';
import { parseCommit, parseTag } from '../objects/commit.ts';
import { ObjectType, typeName } from '../objects/object.ts';
import { oidAt, oidBytes } from '../objects/oid.ts';
import type { OidTable } from '../objects/oid-table.ts';
import { checkTreeEntry, isGitlink, isTree, TreeCursor, TreeOrder } from '../objects/tree.ts';

/** Bits 0 to 2 hold the type of an object that is in the pack; the bit 3 + type says that another takes it for that. */
const TYPE_MASK = 7;
const takenFor = (type: ObjectType): number => 4 << type;
const REFERENCED = ~TYPE_MASK & 0xff;

const tagTypes = { commit: 1, tree: 2, blob: 3, tag: 4 } as const;

/**
 * What the objects of a pack refer to, as far as it takes to tell that nothing is missing: every object that one of
 * them names must be in the pack, or in the repository already. That is more than git asks for (it looks only at what
 * the pushed refs reach), and it needs no walk.
 */
export class References {
  readonly #oids: OidTable;
  readonly #maxNames: number;
  #flags = new Uint8Array(1024);

  /**
   * @param oids gets the names of all objects, present or referred to
   * @param maxNames how many these may be
   */
  constructor(oids: OidTable, maxNames: number) {
    this.#oids = oids;
    this.#maxNames = maxNames;
  }

  /**
   * Notes an object of the pack, and what it refers to. A blob needs no data.
   * @throws GitError when it is malformed, or refers to too much
   */
  add(id: number, type: ObjectType, data?: Uint8Array): void {
    this.#set(id, type);
    if (!data) return;
    if (type === ObjectType.tree) this.#addTree(data);
    else if (type === ObjectType.commit) this.#addCommit(data);
    else if (type === ObjectType.tag) this.#addTag(data);
  }

  /** The type of an object, or 0 when it is not in the pack. */
  type(id: number): ObjectType | 0 {
    return ((this.#flags[id] ?? 0) & TYPE_MASK) as ObjectType | 0;
  }

  isReferenced(id: number): boolean {
    return ((this.#flags[id] ?? 0) & REFERENCED) !== 0;
  }

  /** Whether all that refers to an object takes it for one of this type. */
  isTakenFor(id: number, type: ObjectType): boolean {
    return ((this.#flags[id] ?? 0) & REFERENCED & ~takenFor(type)) === 0;
  }

  /**
   * The numbers of the objects that are referred to and not in the pack.
   * @throws GitError when an object of the pack is taken for one of another type
   */
  outside(): number[] {
    const outside: number[] = [];
    for (let id = 0; id < this.#oids.size; id++) {
      const flags = this.#flags[id] ?? 0;
      const type = this.type(id);
      if (type === 0) {
        if (flags & REFERENCED) outside.push(id);
      } else if (flags & REFERENCED & ~takenFor(type)) {
        throw new GitError(`object ${oidAt(this.#oids.oid(id))} is a ${typeName(type)}, not what refers to it says`);
      }
    }
    return outside;
  }

  #addTree(data: Uint8Array): void {
    const cursor = new TreeCursor(data);
    const order = new TreeOrder();
    while (cursor.next()) {
      checkTreeEntry(cursor, order);
      if (isGitlink(cursor.mode)) continue;
      this.#refer(data, cursor.oidAt, isTree(cursor.mode) ? ObjectType.tree : ObjectType.blob);
    }
  }

  #addCommit(data: Uint8Array): void {
    const { tree, parents } = parseCommit(data);
    this.#refer(oidBytes(tree), 0, ObjectType.tree);
    for (const parent of parents) this.#refer(oidBytes(parent), 0, ObjectType.commit);
  }

  #addTag(data: Uint8Array): void {
    const { object, type } = parseTag(data);
    this.#refer(oidBytes(object), 0, tagTypes[type]);
  }

  #refer(bytes: Uint8Array, at: number, type: ObjectType): void {
    this.#set(this.#oids.add(bytes, at), takenFor(type));
    if (this.#oids.size > this.#maxNames) {
      throw new GitError(`the pack refers to more objects than the ${this.#maxNames} allowed`);
    }
  }

  #set(id: number, bits: number): void {
    if (id >= this.#flags.length) {
      const grown = new Uint8Array(Math.max(id + 1, this.#flags.length * 2));
      grown.set(this.#flags);
      this.#flags = grown;
    }
    this.#flags[id] = (this.#flags[id] ?? 0) | bits;
  }
}
