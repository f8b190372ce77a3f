import { lstatSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { TreeEntry } from '../sandbox/protocol.ts';
import { BuildFailure } from './failure.ts';
import { isInside } from './paths.ts';

/**
 * Does to a tree on this host what commands have done to their copy of it in the sandbox. The commands are nobody's
 * friends: nothing is written outside of the tree, and nothing is written through a link, hard or symbolic. A file is
 * replaced, as the old one may be the store's.
 *
 * @param tree absolute path, without links in it
 * @param changes paths relative to the tree, a directory before what is in it
 * @param mount where the tree stands in the sandbox: `/app`
 * @throws BuildFailure when a change leads out of the tree
 */
export function applyChanges(tree: string, changes: Iterable<TreeEntry>, mount: string): void {
  for (const change of changes) {
    const path = locate(tree, change.path);
    if (change.type === 'directory') {
      makeDirectory(tree, path);
      continue;
    }
    makeDirectory(tree, dirname(path));
    rmSync(path, { recursive: true, force: true });
    if (change.type === 'file') writeFileSync(path, change.content, { flag: 'wx', mode: plainMode(change.mode) });
    if (change.type === 'symlink') link(tree, path, change.target, mount);
  }
}

function locate(tree: string, path: string): string {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..') || path.includes('\0')) {
    throw new BuildFailure(`The build made a file outside of the app: ${JSON.stringify(path)}.`);
  }
  return join(tree, path);
}

/** Makes a directory and those above it. What is in the way and is no directory goes. */
function makeDirectory(tree: string, path: string): void {
  if (path === tree) return;
  makeDirectory(tree, dirname(path));
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory()) return;
  if (there?.isSymbolicLink() && leadsInside(tree, path)) return;
  if (there !== undefined) rmSync(path);
  mkdirSync(path, { mode: 0o755 });
}

/** Whether a link leads to a directory of the tree. */
function leadsInside(tree: string, link: string): boolean {
  try {
    const real = realpathSync(link);
    return isInside(tree, real) && lstatSync(real).isDirectory();
  } catch {
    return false;
  }
}

function link(tree: string, path: string, target: string, mount: string): void {
  const parent = realpathSync(dirname(path));
  const absolute =
    target === mount || target.startsWith(`${mount}/`)
      ? join(tree, target.slice(mount.length))
      : resolve(parent, target);
  if (!isInside(tree, absolute)) {
    throw new BuildFailure(`The build made a link out of the app: ${relative(tree, path)} leads to ${target}.`);
  }
  symlinkSync(relative(parent, absolute), path);
}

function plainMode(mode: number): number {
  return (mode & 0o100) === 0 ? 0o644 : 0o755;
}
