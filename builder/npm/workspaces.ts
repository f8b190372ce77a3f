import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BuildFailure } from '../failure.ts';
import type { Manifest } from './manifest.ts';

const strings = z.record(z.string(), z.string()).optional();
const patternList = z.array(z.string()).catch([]).default([]);
const manifestFile = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  dependencies: strings,
  devDependencies: strings,
  optionalDependencies: strings,
  peerDependencies: strings,
  scripts: strings.catch(undefined),
});

/**
 * Reads the package.json of an app's workspaces ("workspaces", npm documentation; "pnpm-workspace.yaml", pnpm's), beside
 * its own.
 *
 * @returns manifests by directory relative to the tree; the app's own is at `''`
 * @throws BuildFailure when one of them is no package.json
 */
export function readManifests(tree: string, root: Manifest): Map<string, Manifest> {
  const manifests = new Map<string, Manifest>([['', root]]);
  const patterns = workspacePatterns(tree, root);
  const excluded = patterns.flatMap((pattern) => (pattern.startsWith('!') ? [posix.normalize(pattern.slice(1))] : []));
  for (const pattern of patterns) {
    const inside = posix.normalize(pattern);
    if (inside.startsWith('..') || inside.startsWith('/') || pattern.startsWith('!')) continue;
    const found = globSync(posix.join(inside, 'package.json'), { cwd: tree, exclude: ['**/node_modules/**'] });
    for (const path of found.sort()) {
      const directory = posix.dirname(path);
      if (directory === '.' || excluded.some((other) => posix.matchesGlob(directory, other))) continue;
      manifests.set(directory, readManifest(tree, path));
    }
  }
  return manifests;
}

function workspacePatterns(tree: string, { workspaces }: Manifest): string[] {
  const list = patternList.parse(Array.isArray(workspaces) ? workspaces : Object(workspaces).packages);
  const file = join(tree, 'pnpm-workspace.yaml');
  if (!existsSync(file)) return list;
  try {
    return [...list, ...patternList.parse(Object(parse(readFileSync(file, 'utf8'))).packages)];
  } catch (error) {
    throw new BuildFailure('pnpm-workspace.yaml is not valid YAML.', {
      details: [error instanceof Error ? error.message : String(error)],
    });
  }
}

/**
 * Reads the package.json of the directories of the app that it depends on: `file:./libs/a`. What a link leads to is not
 * looked at.
 *
 * @returns manifests by directory relative to the tree
 */
export function ownDirectories(tree: string, root: Manifest): Map<string, Manifest> {
  const { dependencies, devDependencies, optionalDependencies } = root;
  const found = new Map<string, Manifest>();
  for (const range of Object.values({ ...optionalDependencies, ...devDependencies, ...dependencies })) {
    const path = ownPath(range);
    const file = join(tree, path, 'package.json');
    if (path === '' || !existsSync(file) || realpathSync(file) !== file) continue;
    found.set(path, readManifest(tree, posix.join(path, 'package.json')));
  }
  return found;
}

/** The path of `file:./libs/a` or `./libs/a`, relative to the tree; empty for all that is none or leads out of it. */
export function ownPath(range: string): string {
  const path = /^(?:file:(?!\/)|(?=\.\/))(.+)$/.exec(range)?.[1];
  const inside = path === undefined ? '' : posix.normalize(path).replace(/\/$/, '');
  return inside === '.' || inside.startsWith('..') ? '' : inside;
}

function readManifest(tree: string, path: string): Manifest {
  try {
    return manifestFile.parse(JSON.parse(readFileSync(join(tree, path), 'utf8')));
  } catch (error) {
    throw new BuildFailure(`${path} is not a valid package.json.`, {
      details: [error instanceof Error ? error.message : String(error)],
    });
  }
}
