/** bun.lock ("Lockfile", Bun documentation): JSON with comments and trailing commas, which YAML reads as it is. */
import { parse } from 'yaml';
import { z } from 'zod';
import { BuildFailure } from '../../failure.ts';
import type { Manifest } from '../manifest.ts';
import { checkDeclared, type Edges, type GraphPackage, type Importer, type PackageGraph } from './graph.ts';

const strings = z.record(z.string(), z.string()).default({});
const platforms = z.union([z.string(), z.array(z.string())]).optional();

const information = z.object({
  dependencies: strings,
  optionalDependencies: strings,
  peerDependencies: strings,
  os: platforms,
  cpu: platforms,
});

const bunLock = z.object({
  lockfileVersion: z.number(),
  workspaces: z.record(
    z.string(),
    z.object({
      name: z.string().optional(),
      dependencies: strings,
      devDependencies: strings,
      optionalDependencies: strings,
      peerDependencies: strings,
    }),
  ),
  // From a registry: [id, registry, information, integrity]; a workspace: [id].
  packages: z.record(z.string(), z.array(z.unknown()).min(1)).default({}),
});

/**
 * @param manifests the package.json of the root (`''`) and of each workspace, by directory
 * @throws BuildFailure when it is damaged or not for these
 */
export function readBunLock(text: string, manifests: ReadonlyMap<string, Manifest>): PackageGraph {
  const parsed = bunLock.safeParse(parse(text));
  if (!parsed.success) {
    throw new BuildFailure('bun.lock is damaged.', {
      details: parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`),
      help: ['Run `bun install` and commit the result.'],
    });
  }
  const { workspaces, packages } = parsed.data;
  for (const [directory, manifest] of manifests) {
    const importer = workspaces[directory];
    const locked = { ...importer?.optionalDependencies, ...importer?.devDependencies, ...importer?.dependencies };
    const wanted = { ...manifest.optionalDependencies, ...manifest.devDependencies, ...manifest.dependencies };
    checkDeclared(
      Object.entries(wanted).map(([name, range]) => ({ name, wanted: range, locked: locked[name] })),
      'bun.lock',
      'bun install',
    );
  }

  /** Keys say who sees what: `express/debug` is the `debug` that express gets, `debug` the one for everyone else. */
  const edges = (names: string[], from: string): Edges =>
    Object.fromEntries(
      names.flatMap((name) => {
        for (let at = from; ; at = parentKey(at)) {
          const key = at === '' ? name : `${at}/${name}`;
          const id = packages[key]?.[0];
          if (typeof id === 'string') {
            const workspace = /@workspace:(.*)$/.exec(id)?.[1];
            return [[name, workspace === undefined ? key : `link:${workspace}`]];
          }
          if (at === '') return [];
        }
      }),
    );

  const graph = { packages: new Map<string, GraphPackage>(), importers: new Map<string, Importer>() };
  for (const [directory, { name = '', ...declared }] of Object.entries(workspaces)) {
    const from = directory === '' ? '' : name;
    graph.importers.set(directory, {
      dependencies: edges(Object.keys({ ...declared.peerDependencies, ...declared.dependencies }), from),
      devDependencies: edges(Object.keys(declared.devDependencies), from),
      optionalDependencies: edges(Object.keys(declared.optionalDependencies), from),
    });
  }
  for (const [key, [id, address, about, integrity]] of Object.entries(packages)) {
    const read = information.safeParse(about);
    if (typeof id !== 'string' || id.includes('@workspace:') || !read.success) continue;
    const at = id.indexOf('@', 1);
    const { os, cpu, dependencies, optionalDependencies, peerDependencies } = read.data;
    graph.packages.set(key, {
      name: id.slice(0, at),
      version: id.slice(at + 1),
      integrity: typeof integrity === 'string' ? integrity : undefined,
      resolved: typeof address === 'string' && address !== '' ? address : undefined,
      os: list(os),
      cpu: list(cpu),
      dependencies: edges(Object.keys({ ...peerDependencies, ...dependencies }), key),
      optionalDependencies: edges(Object.keys(optionalDependencies), key),
    });
  }
  return graph;
}

/** `a/@b/c` is below `a`. */
function parentKey(key: string): string {
  return key.replace(/(^|\/)(@[^/]+\/)?[^/]+$/, '');
}

function list(value: string | string[] | undefined): string[] | undefined {
  return value === undefined || value === 'none' ? undefined : [value].flat();
}
