/** pnpm-lock.yaml, version 9 ("pnpm-lock.yaml", pnpm lockfile specification 9.0). */
import { posix } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BuildFailure } from '../../failure.ts';
import type { Manifest } from '../manifest.ts';
import { checkDeclared, type Edges, type GraphPackage, type Importer, type PackageGraph } from './graph.ts';

const strings = z.record(z.string(), z.string());
const direct = z.record(z.string(), z.object({ specifier: z.string(), version: z.string() })).default({});
const platforms = z.array(z.string()).optional();

const pnpmLock = z.object({
  lockfileVersion: z.coerce.string().startsWith('9.'),
  /** By the package they are about, alone or as `a>b`; they take the place of what package.json says. */
  overrides: strings.default({}),
  importers: z.record(
    z.string(),
    z.object({ dependencies: direct, devDependencies: direct, optionalDependencies: direct }),
  ),
  packages: z
    .record(
      z.string(),
      z.object({
        resolution: z.object({
          integrity: z.string().optional(),
          tarball: z.string().optional(),
          // A repository,
          repo: z.string().optional(),
          commit: z.string().optional(),
          // or a directory of the app.
          directory: z.string().optional(),
        }),
        version: z.string().optional(),
        os: platforms,
        cpu: platforms,
        libc: platforms,
      }),
    )
    .default({}),
  snapshots: z
    .record(z.string(), z.object({ dependencies: strings.default({}), optionalDependencies: strings.default({}) }))
    .default({}),
});

/**
 * @param manifests the package.json of the root (`''`) and of each workspace, by directory
 * @throws BuildFailure when it is of another version, damaged, or not for these
 */
export function readPnpmLock(text: string, manifests: ReadonlyMap<string, Manifest>): PackageGraph {
  const parsed = pnpmLock.safeParse(parse(text));
  if (!parsed.success) {
    throw new BuildFailure('pnpm-lock.yaml is damaged, or not of version 9.0.', {
      details: parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`),
      help: ['Run `pnpm install` with pnpm 9 or newer and commit the result.'],
    });
  }
  const { importers, packages, snapshots, overrides } = parsed.data;
  for (const [directory, manifest] of manifests) {
    const importer = importers[directory === '' ? '.' : directory];
    // Without the root's word, a workspace of npm's need not be one of pnpm's.
    if (importer === undefined && directory !== '') continue;
    const locked = { ...importer?.optionalDependencies, ...importer?.devDependencies, ...importer?.dependencies };
    const wanted = { ...manifest.optionalDependencies, ...manifest.devDependencies, ...manifest.dependencies };
    checkDeclared(
      Object.entries(wanted)
        .filter(([name]) => !Object.hasOwn(overrides, name))
        .map(([name, range]) => ({ name, wanted: range, locked: locked[name]?.specifier })),
      'pnpm-lock.yaml',
      'pnpm install',
    );
  }

  /** `4.4.3` stands for `debug@4.4.3`; an alias has the whole id; a workspace a path from its importer. */
  const edges = (versions: Record<string, string>, from = ''): Edges =>
    Object.fromEntries(
      Object.entries(versions).map(([name, version]) => {
        if (version.startsWith('link:')) return [name, `link:${posix.join(from, version.slice('link:'.length))}`];
        const id = version in snapshots ? version : `${name}@${version}`;
        const directory = packages[keyOf(id)]?.resolution.directory;
        return [name, directory === undefined ? id : `link:${posix.normalize(directory)}`];
      }),
    );
  const versionsOf = (all: z.infer<typeof direct>) =>
    Object.fromEntries(Object.entries(all).map(([name, { version }]) => [name, version]));

  const graph = { packages: new Map<string, GraphPackage>(), importers: new Map<string, Importer>() };
  for (const [path, importer] of Object.entries(importers)) {
    const directory = path === '.' ? '' : path;
    graph.importers.set(directory, {
      dependencies: edges(versionsOf(importer.dependencies), directory),
      devDependencies: edges(versionsOf(importer.devDependencies), directory),
      optionalDependencies: edges(versionsOf(importer.optionalDependencies), directory),
    });
  }
  for (const [id, { dependencies, optionalDependencies }] of Object.entries(snapshots)) {
    const key = keyOf(id);
    const at = key.indexOf('@', 1);
    const { resolution, version, os, cpu, libc } = packages[key] ?? { resolution: {} };
    const { integrity, tarball, repo, commit, directory } = resolution;
    if (directory !== undefined) {
      const own = { dependencies: edges(dependencies), optionalDependencies: edges(optionalDependencies) };
      graph.importers.set(posix.normalize(directory), { ...own, devDependencies: {} });
      continue;
    }
    graph.packages.set(id, {
      name: key.slice(0, at),
      version: version ?? key.slice(at + 1),
      integrity,
      resolved: repo === undefined ? tarball : `git+${repo.replace(/^git\+/, '')}#${commit}`,
      os,
      cpu,
      libc,
      dependencies: edges(dependencies),
      optionalDependencies: edges(optionalDependencies),
    });
  }
  return graph;
}

/** The key of `packages` for one of `snapshots`: what follows in parentheses tells apart the same package with other peers. */
function keyOf(id: string): string {
  return id.replace(/\(.*$/, '');
}
