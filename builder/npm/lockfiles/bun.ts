/** bun.lock ("Lockfile", Bun documentation): JSON with comments and trailing commas, which YAML reads as it is. */
import { posix } from 'node:path';
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
  // From a registry: [id, address, information, integrity]; a workspace: [id]; from elsewhere: [id, information, …].
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
            const directory = localDirectory(id);
            return [[name, directory === undefined ? key : `link:${directory}`]];
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
  for (const [key, [id, ...rest]] of Object.entries(packages)) {
    if (typeof id !== 'string') continue;
    const at = id.indexOf('@', 1);
    const reference = id.slice(at + 1);
    const elsewhere = /^(https?|git\+\w+|git|github|file):/.test(reference);
    const [address, about, integrity] = elsewhere ? [reference, rest[0], undefined] : rest;
    const read = information.safeParse(about);
    if (!read.success) continue;
    const { os, cpu, dependencies, optionalDependencies, peerDependencies } = read.data;
    const needs = {
      dependencies: edges(Object.keys({ ...peerDependencies, ...dependencies }), key),
      optionalDependencies: edges(Object.keys(optionalDependencies), key),
    };
    const directory = localDirectory(id);
    if (directory !== undefined) {
      if (!graph.importers.has(directory)) graph.importers.set(directory, { ...needs, devDependencies: {} });
      continue;
    }
    graph.packages.set(key, {
      name: id.slice(0, at),
      version: reference,
      integrity: typeof integrity === 'string' ? integrity : undefined,
      resolved: typeof address === 'string' && address !== '' ? address : undefined,
      os: list(os),
      cpu: list(cpu),
      ...needs,
    });
  }
  return graph;
}

/** The directory of the app that `a@workspace:packages/a` or `a@file:libs/a` is. */
function localDirectory(id: string): string | undefined {
  const path = /@(?:workspace|file|link):(.*)$/.exec(id)?.[1];
  return path === undefined || /\.t(ar\.)?gz$/.test(path) ? undefined : posix.normalize(path);
}

/** `a/@b/c` is below `a`. */
function parentKey(key: string): string {
  return key.replace(/(^|\/)(@[^/]+\/)?[^/]+$/, '');
}

function list(value: string | string[] | undefined): string[] | undefined {
  return value === undefined || value === 'none' ? undefined : [value].flat();
}
