import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mentionsLocation } from './bundle/locations.ts';
import { packageDirectory } from './bundle/packages.ts';

/** What no program reads, of a package's files and of its directories. */
const notRead = /(\.(md|markdown|map|flow)|\.d\.[cm]?ts)$/i;
const notVisited = /^(node_modules|tests?|__tests__|docs?|examples?|bench(marks?)?|coverage|\..*)$/i;

/**
 * The files of bundled packages that may be read at run time: every `package.json`, and all the files of a package
 * whose code asks where it stands, or whose place others ask for.
 *
 * @param inputs the bundles' files, relative to the tree
 * @param resolved files that are asked for by `require.resolve`, relative to the tree
 * @returns paths relative to the tree, sorted
 */
export function packageAssets(tree: string, inputs: readonly string[], resolved: readonly string[]): string[] {
  const packages = new Map<string, boolean>();
  for (const input of inputs) {
    const directory = packageDirectory(input);
    if (directory === undefined || packages.get(directory)) continue;
    packages.set(directory, /\.[cm]?[jt]sx?$/.test(input) && mentionsLocation(readFileSync(join(tree, input), 'utf8')));
  }
  for (const file of resolved) {
    const directory = packageDirectory(file);
    if (directory !== undefined) packages.set(directory, true);
  }
  const bundled = new Set(inputs.filter((file) => !resolved.includes(file)));
  const assets: string[] = [];
  for (const [directory, reads] of packages) {
    if (reads) for (const file of filesOf(tree, directory)) if (!bundled.has(file)) assets.push(file);
    if (!reads || bundled.has(`${directory}/package.json`)) assets.push(`${directory}/package.json`);
  }
  return [...new Set(assets)].filter((path) => existsSync(join(tree, path))).sort();
}

function filesOf(tree: string, directory: string): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(tree, directory), { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!notVisited.test(entry.name)) files.push(...filesOf(tree, path));
    } else if (entry.isFile() && !notRead.test(entry.name)) files.push(path);
  }
  return files;
}
