import type { Env } from '../../env.ts';
import { TreeError } from '../errors.ts';
import { type CommitMessage, parseCommitMessage } from '../objects/commit.ts';
import { ObjectType } from '../objects/object.ts';
import { type Oid, oidAt } from '../objects/oid.ts';
import { isGitlink, isLink, isTree, TreeCursor } from '../objects/tree.ts';
import { repositoryOf } from '../protocol/service.ts';
import { ObjectStore } from '../store/object-store.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

type Bindings = Pick<Env, 'BUCKET' | 'REPOSITORY'>;

export interface ReadOptions {
  /** A push whose objects are to be seen although it is not committed. */
  pushId?: string;
}

/**
 * The tree of a commit as a tar stream: files and symbolic links in the order of their paths, with the time of the
 * commit. The same commit always makes the same bytes.
 * @throws TreeError when the commit is not there, holds a submodule, or a link that leads out of the tree
 */
export async function readTree(
  env: Bindings,
  appId: string,
  commit: Oid,
  { pushId }: ReadOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const store = await openStore(env, appId, pushId);
  const { tree, time } = await store.commit(commit).catch(() => {
    throw new TreeError('missing', `There is no commit ${commit} in this repository.`);
  });
  const files = await listFiles(store, tree);
  const pieces = tar(store, files, time);
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}

/**
 * Who wrote a commit, and the first line of its message.
 * @throws GitError when it is not there
 */
export async function readCommit(
  env: Bindings,
  appId: string,
  commit: Oid,
  { pushId }: ReadOptions = {},
): Promise<CommitMessage> {
  const store = await openStore(env, appId, pushId);
  return parseCommitMessage(await store.read(commit, ObjectType.commit));
}

/** A Git LFS pointer is at most this long (Git LFS Specification, "The Pointer"). */
const POINTER_BYTES = 1024;
const POINTER = 'version https://git-lfs.github.com/spec/v1\n';

/** The paths of files that are only pointers to Git LFS, whose content never came with the push. */
export async function listLfsPointers(
  env: Bindings,
  appId: string,
  commit: Oid,
  { pushId }: ReadOptions = {},
): Promise<string[]> {
  const store = await openStore(env, appId, pushId);
  const files = await listFiles(store, (await store.commit(commit)).tree);
  if (!(await usesLfs(store, files))) return [];
  const pointers: string[] = [];
  for (const { path, oid, target } of files) {
    const size = target ? undefined : (await store.stat(oid))?.size;
    if (size === undefined || size < POINTER.length || size > POINTER_BYTES) continue;
    const content = Buffer.from(await store.read(oid, ObjectType.blob));
    if (content.toString('latin1', 0, POINTER.length) === POINTER) pointers.push(Buffer.from(path).toString());
  }
  return pointers;
}

/** LFS works through a filter that some `.gitattributes` sets. */
async function usesLfs(store: ObjectStore, files: File[]): Promise<boolean> {
  for (const { path, oid } of files) {
    if (!/(^|\/)\.gitattributes$/.test(Buffer.from(path).toString())) continue;
    if (Buffer.from(await store.read(oid, ObjectType.blob)).includes('filter=lfs')) return true;
  }
  return false;
}

async function openStore(env: Bindings, appId: string, pushId: string | undefined): Promise<ObjectStore> {
  const { packs } = await repositoryOf(env, appId).snapshot(pushId);
  return new ObjectStore(env.BUCKET, appId, packs);
}

interface File {
  path: Uint8Array;
  oid: Oid;
  executable: boolean;
  /** Of a symbolic link: where it leads. */
  target?: Uint8Array;
}

/** Deeper than any source tree, and not so deep that a pushed one could exhaust the memory. */
const MAX_DEPTH = 500;
const MAX_FILES = 1_000_000;

async function listFiles(store: ObjectStore, root: Oid): Promise<File[]> {
  const files: File[] = [];
  const walk = async (tree: Oid, prefix: Uint8Array, depth: number): Promise<void> => {
    const cursor = new TreeCursor(await store.read(tree, ObjectType.tree));
    if (depth > MAX_DEPTH) throw new TreeError('missing', `The tree is more than ${MAX_DEPTH} directories deep.`);
    while (cursor.next()) {
      const path = Buffer.concat([prefix, cursor.data.subarray(cursor.nameAt, cursor.nameEnd)]);
      const oid = oidAt(cursor.data, cursor.oidAt);
      if (isTree(cursor.mode)) {
        await walk(oid, Buffer.concat([path, Buffer.from('/')]), depth + 1);
        continue;
      }
      if (isGitlink(cursor.mode)) {
        throw new TreeError(
          'submodule',
          `${path} is a submodule, and submodules are not supported. Add its files to this repository instead.`,
        );
      }
      const target = isLink(cursor.mode) ? await store.read(oid, ObjectType.blob) : undefined;
      if (target) checkLink(path.toString(), Buffer.from(target).toString());
      files.push({ path, oid, executable: (cursor.mode & 0o100) !== 0, ...(target && { target }) });
      if (files.length > MAX_FILES) throw new TreeError('missing', `The tree has more than ${MAX_FILES} files.`);
    }
  };
  await walk(root, new Uint8Array(0), 0);
  return files;
}

function checkLink(path: string, target: string): void {
  let depth = path.split('/').length - 1;
  const leaves = target.split('/').some((part) => {
    if (part === '..') depth -= 1;
    else if (part !== '.' && part !== '') depth += 1;
    return depth < 0;
  });
  if (target.startsWith('/') || leaves) {
    throw new TreeError('unsafe-link', `The symbolic link ${path} leads out of the repository, to ${target}.`);
  }
}

/** What is collected before it goes out. */
const BATCH = 64 * 1024;

async function* tar(store: ObjectStore, files: File[], time: number): AsyncGenerator<Uint8Array, undefined> {
  let batch: Uint8Array[] = [];
  let batched = 0;
  for await (const piece of tarPieces(store, files, time)) {
    batch.push(piece);
    batched += piece.length;
    if (batched < BATCH) continue;
    yield Buffer.concat(batch);
    batch = [];
    batched = 0;
  }
  yield Buffer.concat(batch);
  return undefined;
}

async function* tarPieces(store: ObjectStore, files: File[], time: number): AsyncGenerator<Uint8Array> {
  for (const { path, oid, executable, target } of files) {
    if (target) {
      yield tarHeader({ path, kind: 'link', executable, size: 0, target, time });
      continue;
    }
    const size = (await store.stat(oid))?.size ?? 0;
    yield tarHeader({ path, kind: 'file', executable, size, time });
    for await (const piece of store.blob(oid)) yield piece;
    yield tarPadding(size);
  }
  yield tarEnd();
}
