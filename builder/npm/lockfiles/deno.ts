/** deno.lock, versions 4 and 5: which package each specifier of an app got, and what that depends on. */
import semver from 'semver';
import * as z from 'zod';
import { lockedName } from '../../buildpacks/deno/specifier.ts';
import { BuildFailure } from '../../failure.ts';
import type { Manifest } from '../manifest.ts';
import type { Edges, GraphPackage, Importer, PackageGraph } from './graph.ts';

const list = z.array(z.string()).default([]);

const denoLock = z.object({
  version: z.enum(['4', '5']),
  /** `npm:hono@^4` to a version, for packages with peers with those after it: `18.2.0_react@18.2.0`. */
  specifiers: z.record(z.string(), z.string()).default({}),
  jsr: z.record(z.string(), z.object({ dependencies: list })).default({}),
  npm: z
    .record(
      z.string(),
      z.object({
        integrity: z.string().optional(),
        dependencies: list,
        optionalDependencies: list,
        os: z.array(z.string()).optional(),
        cpu: z.array(z.string()).optional(),
        tarball: z.string().optional(),
      }),
    )
    .default({}),
  /** Modules by their URL: SHA-256. */
  remote: z.record(z.string(), z.string()).default({}),
});

export type DenoLock = z.infer<typeof denoLock>;

/** @throws BuildFailure when it is of another version, or damaged */
export function parseDenoLock(text: string): DenoLock {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BuildFailure('deno.lock is not valid JSON.', { details: [String(cause)], cause });
  }
  const parsed = denoLock.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new BuildFailure('deno.lock is damaged, or not of version 4 or 5.', {
    details: parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`),
    help: ['Run `deno install` with Deno 2 and commit the result.'],
  });
}

/**
 * @param manifests of the app, with all packages that its code asks for among its dependencies
 * @throws BuildFailure when it cannot be read, or does not have one of them
 */
export function readDenoLock(text: string, manifests: ReadonlyMap<string, Manifest>): PackageGraph {
  const { specifiers, jsr, npm } = parseDenoLock(text);
  const packages = new Map<string, GraphPackage>();
  for (const [id, { dependencies, optionalDependencies, tarball, ...rest }] of Object.entries(npm)) {
    const { name, version } = splitId(id);
    const edges = (ids: readonly string[]): Edges => Object.fromEntries(ids.map((each) => edgeOf(each, npm)));
    packages.set(id, {
      name,
      version,
      ...rest,
      resolved: tarball,
      dependencies: edges(dependencies),
      optionalDependencies: edges(optionalDependencies),
    });
  }
  const resolved = (specifier: string): string => {
    const version = specifiers[specifier] ?? specifiers[sameAs(specifier, specifiers) ?? ''];
    if (version === undefined) {
      throw new BuildFailure(`deno.lock does not have ${specifier}.`, {
        help: ['Run `deno install --entrypoint` with the files that you start, and commit deno.lock.'],
      });
    }
    const name = specifier.slice(0, specifier.lastIndexOf('@'));
    return name.startsWith('jsr:') ? `${name}@${version}` : `${name.slice('npm:'.length)}@${version}`;
  };
  /** Those of JSR name what they need by specifiers, which may lack the range where there is one alone. */
  const whole = (dependency: string): string =>
    dependency in specifiers
      ? dependency
      : (Object.keys(specifiers).find((known) => known.startsWith(`${dependency}@`)) ?? dependency);
  for (const [id, { dependencies }] of Object.entries(jsr)) {
    const { name, version } = splitId(id);
    const edges = dependencies.map((dependency) => {
      const target = resolved(whole(dependency));
      return [npmName(splitId(target).name), target] as const;
    });
    const own = { dependencies: Object.fromEntries(edges), optionalDependencies: {} };
    packages.set(`jsr:${id}`, { name: npmName(`jsr:${name}`), version, ...own });
  }
  const importers = new Map<string, Importer>();
  for (const [directory, { dependencies = {} }] of manifests) {
    const edges = Object.entries(dependencies).map(([name, range]) => [name, resolved(lockedName(name, range))]);
    importers.set(directory, {
      dependencies: Object.fromEntries(edges),
      devDependencies: {},
      optionalDependencies: {},
    });
  }
  return { packages, importers };
}

/** Deno writes ranges in its own way: `^10` is `10`. */
function sameAs(specifier: string, known: Readonly<Record<string, string>>): string | undefined {
  const [name, range] = split(specifier);
  const wanted = semver.validRange(range);
  return Object.keys(known).find((each) => {
    const [other, otherRange] = split(each);
    return other === name && wanted !== null && semver.validRange(otherRange) === wanted;
  });
}

function split(specifier: string): [name: string, range: string] {
  const at = specifier.lastIndexOf('@');
  return [specifier.slice(0, at), specifier.slice(at + 1)];
}

/** `a`, where there is one `a` alone; `a@1.0.0_b@2.0.0`; `alias@npm:a@1.0.0`. */
function edgeOf(dependency: string, npm: DenoLock['npm']): [string, string] {
  const alias = /^(.+)@npm:(.+)$/.exec(dependency);
  const id = alias?.[2] ?? dependency;
  const found = id in npm ? id : (Object.keys(npm).find((known) => known.startsWith(`${id}@`)) ?? id);
  return [alias?.[1] ?? splitId(found).name, found];
}

/** `@scope/a@1.0.0_b@2.0.0`: what follows `_` tells apart the same package with other peers. */
function splitId(id: string): { name: string; version: string } {
  const at = id.indexOf('@', id.startsWith('jsr:@') ? 5 : 1);
  return { name: id.slice(0, at), version: id.slice(at + 1).replace(/_.*$/, '') };
}

const npmName = (name: string): string => name.replace(/^jsr:@([^/]+)\/(.+)$/, '@jsr/$1__$2');
