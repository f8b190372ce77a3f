import { existsSync, globSync, readFileSync } from 'node:fs';
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

function readManifest(tree: string, path: string): Manifest {
  try {
    return manifestFile.parse(JSON.parse(readFileSync(join(tree, path), 'utf8')));
  } catch (error) {
    throw new BuildFailure(`${path} is not a valid package.json.`, {
      details: [error instanceof Error ? error.message : String(error)],
    });
  }
}
