import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from './failure.ts';
import { isInside } from './paths.ts';

/** How deep links to directories are followed: enough for any real tree, and an end for one that contains itself. */
const maxDepth = 64;

/**
 * Lists the files of a tree that belong in its slug: all but `.git` and every `node_modules`. A slug has no links, so
 * what a link leads to is listed under the link's name.
 *
 * @param tree absolute path, without links in it
 * @returns from path relative to the tree, with `/`, to absolute path of the file, in no particular order
 * @throws BuildFailure when a link leads out of the tree, or the tree has no end
 */
export function listFiles(tree: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (directory: string, depth: number): void => {
    if (depth > maxDepth)
      throw new BuildFailure(`The app's directories are more than ${maxDepth} deep at ${directory}.`);
    for (const entry of readdirSync(join(tree, directory), { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === '.git') continue;
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      const file = join(tree, path);
      if (entry.isDirectory()) visit(path, depth + 1);
      else if (entry.isFile()) files.set(path, file);
      else if (entry.isSymbolicLink()) follow(path, file, depth);
    }
  };
  const follow = (path: string, link: string, depth: number): void => {
    const target = statSync(link, { throwIfNoEntry: false });
    if (target === undefined) return;
    const real = realpathSync(link);
    if (!isInside(tree, real)) throw new BuildFailure(`The link ${path} leads out of the app.`);
    if (target.isDirectory()) visit(path, depth + 1);
    else if (target.isFile()) files.set(path, real);
  };
  visit('', 0);
  return files;
}

/** Bytes of a file, which is not a link. */
export function sizeOf(file: string): number {
  return lstatSync(file).size;
}
