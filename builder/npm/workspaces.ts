import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { BuildFailure } from '../failure.ts';
import type { Manifest } from './manifest.ts';

const strings = z.record(z.string(), z.string()).optional();
const manifestFile = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  dependencies: strings,
  devDependencies: strings,
  optionalDependencies: strings,
  peerDependencies: strings,
});

/**
 * Reads the package.json of an app's workspaces ("workspaces", npm documentation), beside its own.
 *
 * @returns manifests by directory relative to the tree; the app's own is at `''`
 * @throws BuildFailure when one of them is no package.json
 */
export function readManifests(tree: string, root: Manifest): Map<string, Manifest> {
  const manifests = new Map<string, Manifest>([['', root]]);
  const list = Array.isArray(root.workspaces) ? root.workspaces : Object(root.workspaces).packages;
  const patterns = z.array(z.string()).safeParse(list ?? []);
  for (const pattern of patterns.data ?? []) {
    const inside = posix.normalize(pattern);
    if (inside.startsWith('..') || inside.startsWith('/') || pattern.startsWith('!')) continue;
    const found = globSync(posix.join(inside, 'package.json'), { cwd: tree, exclude: ['**/node_modules/**'] });
    for (const path of found.sort()) manifests.set(posix.dirname(path), readManifest(tree, path));
  }
  return manifests;
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
