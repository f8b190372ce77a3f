/**
 * A tree (gitformat-tree): entries `<mode in octal> <name>\0<20 bytes of object name>`, one after the other, ordered
 * by name as if the names of subtrees ended with a slash.
 */
import { GitError } from '../errors.ts';
import { OID_BYTES } from './oid.ts';

export const Mode = { tree: 0o40000, link: 0o120000, gitlink: 0o160000, executable: 0o100755, file: 0o100644 } as const;

const SPACE = 0x20;
const SLASH = 0x2f;
const DOT = 0x2e;
const TYPE_MASK = 0o170000;

export const isTree = (mode: number): boolean => (mode & TYPE_MASK) === Mode.tree;
export const isLink = (mode: number): boolean => (mode & TYPE_MASK) === Mode.link;
export const isGitlink = (mode: number): boolean => (mode & TYPE_MASK) === Mode.gitlink;

/** Steps through the entries of a tree without making an object for each. */
export class TreeCursor {
  readonly data: Uint8Array;
  mode = 0;
  /** Where the name begins and ends in `data`. */
  nameAt = 0;
  nameEnd = 0;
  /** Where the binary object name begins in `data`. */
  oidAt = 0;
  #next = 0;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  /**
   * Goes to the next entry; false when there is none.
   * @throws GitError when the entry is cut short or its mode is not octal
   */
  next(): boolean {
    const { data } = this;
    let at = this.#next;
    if (at >= data.length) return false;
    let mode = 0;
    const start = at;
    for (; data[at] !== SPACE; at++) {
      const digit = (data[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 7 || at - start > 7) throw new GitError('malformed mode in tree entry');
      mode = mode * 8 + digit;
    }
    if (at === start) throw new GitError('malformed mode in tree entry');
    const name = at + 1;
    const end = data.indexOf(0, name);
    if (end < 0 || end + 1 + OID_BYTES > data.length) throw new GitError('too-short tree object');
    this.mode = mode;
    this.nameAt = name;
    this.nameEnd = end;
    this.oidAt = end + 1;
    this.#next = end + 1 + OID_BYTES;
    return true;
  }

  name(): string {
    return Buffer.from(this.data.buffer, this.data.byteOffset + this.nameAt, this.nameEnd - this.nameAt).toString();
  }
}

/**
 * What `git fsck` calls an error in a tree: names that are empty, hold a slash or stand for a directory of their own
 * meaning, and entries that are out of order or twice there.
 * @throws GitError naming the entry
 */
export function checkTreeEntry(cursor: TreeCursor, previous: TreeOrder): void {
  const { data, nameAt, nameEnd, mode } = cursor;
  const length = nameEnd - nameAt;
  if (length === 0) throw new GitError('tree contains an empty name');
  if (data.subarray(nameAt, nameEnd).indexOf(SLASH) >= 0) throw refusal(cursor, 'contains a full path name');
  if (data[nameAt] === DOT) {
    if (length === 1) throw new GitError("tree contains '.'");
    if (length === 2 && data[nameAt + 1] === DOT) throw new GitError("tree contains '..'");
  }
  const first = data[nameAt] ?? 0;
  if (length < 16 && (first === DOT || first === 0x67 || first === 0x47) && isDotGit(cursor.name()))
    throw new GitError(`tree contains '${cursor.name()}'`);
  if (!knownTypes.has(mode & TYPE_MASK)) throw refusal(cursor, `has the unknown mode ${mode.toString(8)}`);
  previous.check(cursor);
}

const knownTypes: ReadonlySet<number> = new Set([Mode.tree, Mode.link, Mode.gitlink, 0o100000]);

/** `.git` as case-insensitive and Windows file systems also read it; such names begin with `.`, `g` or `G`. */
const isDotGit = (name: string): boolean => /^(?:\.git|git~1)[ .]*$/i.test(name);

const refusal = (cursor: TreeCursor, why: string): GitError =>
  new GitError(`tree entry '${cursor.name().slice(0, 100)}' ${why}`);

/** The entries of a tree so far, as far as later ones can be out of order with them or the same. */
export class TreeOrder {
  #name: Uint8Array | undefined;
  #tree = false;
  /** Files whose name begins the current one: a directory of the same name may still come. */
  #prefixes: Uint8Array[] = [];

  check(cursor: TreeCursor): void {
    const name = cursor.data.subarray(cursor.nameAt, cursor.nameEnd);
    const tree = isTree(cursor.mode);
    if (this.#name) {
      const order = compareNames(this.#name, this.#tree, name, tree);
      if (order === 0) throw refusal(cursor, 'is there twice');
      if (order > 0) throw refusal(cursor, 'is not in order');
    }
    while (this.#prefixes.length > 0 && !startsWith(name, this.#prefixes.at(-1))) this.#prefixes.pop();
    if (tree && this.#prefixes.some((prefix) => prefix.length === name.length)) throw refusal(cursor, 'is there twice');
    if (!tree) this.#prefixes.push(name);
    this.#name = name;
    this.#tree = tree;
  }
}

function compareNames(a: Uint8Array, aTree: boolean, b: Uint8Array, bTree: boolean): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  const endOf = (name: Uint8Array, tree: boolean) => name[shared] ?? (tree ? SLASH : 0);
  return endOf(a, aTree) - endOf(b, bTree);
}

function startsWith(name: Uint8Array, prefix: Uint8Array | undefined): boolean {
  if (!prefix || prefix.length > name.length) return false;
  for (let i = 0; i < prefix.length; i++) if (name[i] !== prefix[i]) return false;
  return true;
}
