/**
 * yarn.lock: of Yarn 1 ("yarn.lock", classic.yarnpkg.com) in a form of its own, of Yarn 2 and newer in YAML. Both map
 * descriptors, `debug@^4.3.0` and `debug@npm:^4.3.0`, to what they were resolved to.
 */
import { posix } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BuildFailure } from '../../failure.ts';
import { repositoryOf } from '../elsewhere.ts';
import type { Manifest } from '../manifest.ts';
import { checkDeclared, type Edges, type GraphPackage, type Importer, type PackageGraph } from './graph.ts';

const strings = z.record(z.string(), z.coerce.string()).default({});

const yarnEntry = z.object({
  version: z.coerce.string(),
  /** Yarn 2: `debug@npm:4.4.3`, `a@workspace:packages/a` */
  resolution: z.string().optional(),
  /** Yarn 1: an address, with a SHA-1 as its fragment. */
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  dependencies: strings,
  optionalDependencies: strings,
  dependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean().optional() }).nullable()).default({}),
  conditions: z.string().optional(),
});

type YarnEntry = z.infer<typeof yarnEntry>;

/**
 * @param manifests the package.json of the root (`''`) and of each workspace, by directory
 * @throws BuildFailure when it is damaged, not for these, or asks for what Islet does not do
 */
export function readYarnLock(text: string, manifests: ReadonlyMap<string, Manifest>): PackageGraph {
  const berry = /^__metadata:/m.test(text);
  const parsed = z.record(z.string(), yarnEntry).safeParse(berry ? withoutMetadata(parse(text)) : parseClassic(text));
  if (!parsed.success) {
    throw new BuildFailure('yarn.lock is damaged.', {
      details: parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`),
      help: ['Run `yarn install` and commit the result.'],
    });
  }
  const byDescriptor = new Map<string, YarnEntry>();
  for (const [descriptors, entry] of Object.entries(parsed.data)) {
    for (const descriptor of descriptors.split(/,\s*/)) byDescriptor.set(descriptor, entry);
  }
  const workspaces = new Map(
    [...manifests].flatMap(([directory, { name }]) => (name === undefined ? [] : [[name, directory]])),
  );

  const packages = new Map<string, GraphPackage>();
  const importers = new Map<string, Importer>();
  const entryOf = (name: string, range: string): YarnEntry | undefined =>
    byDescriptor.get(`${name}@${range}`) ?? byDescriptor.get(`${name}@npm:${range}`) ?? ofWorkspace(name, range);
  /** `x@file:./x` of Yarn 2 names the workspace that asks, too. */
  const ofWorkspace = (name: string, range: string): YarnEntry | undefined => {
    if (!/^(file|link|portal|patch):/.test(range)) return undefined;
    const start = `${name}@${range}::`;
    return [...byDescriptor].find(([descriptor]) => descriptor.startsWith(start))?.[1];
  };
  const resolutions = Object.entries(strings.catch({}).parse(manifests.get('')?.resolutions ?? {}));
  /** What the app wants in the place of whatever range of a package: its `resolutions`. */
  const resolutionsOf = (name: string): string[] =>
    resolutions.flatMap(([pattern, wanted]) => {
      const last = /(?:^|\/)((?:@[^/]+\/)?[^/@]+)(?:@[^/]*)?$/.exec(pattern)?.[1];
      return last === name ? [wanted] : [];
    });
  /** The id of what a descriptor was resolved to; it is its name and version. */
  const find = (name: string, range: string): string | undefined => {
    const entry = entryOf(name, range) ?? resolutionsOf(name).flatMap((other) => entryOf(name, other) ?? [])[0];
    const resolution = entry?.resolution ?? '';
    const reference = resolution.slice(resolution.indexOf('@', 1) + 1).replace(/::.*$/, '');
    if (reference.startsWith('workspace:')) return `link:${reference.slice('workspace:'.length)}`;
    if (entry === undefined) {
      const directory = workspaces.get(name);
      return directory === undefined ? undefined : `link:${directory}`;
    }
    const directory = localDirectory(reference === '' ? range : reference, entry);
    if (directory !== undefined) {
      if (!importers.has(directory)) {
        importers.set(directory, { dependencies: {}, devDependencies: {}, optionalDependencies: {} });
        importers.set(directory, { ...dependenciesOf(entry), devDependencies: {} });
      }
      return `link:${directory}`;
    }
    checkSupported(name, reference);
    const own = berry ? resolution.slice(0, resolution.indexOf('@', 1)) : (aliased(range) ?? name);
    const id = `${own}@${entry.version}`;
    if (!packages.has(id)) add(id, own, entry);
    return id;
  };
  const add = (id: string, name: string, entry: YarnEntry): void => {
    const { version, integrity, conditions } = entry;
    const found: GraphPackage = {
      name,
      version,
      integrity,
      resolved: addressOf(entry),
      os: condition(conditions, 'os'),
      cpu: condition(conditions, 'cpu'),
      libc: condition(conditions, 'libc'),
      dependencies: {},
      optionalDependencies: {},
    };
    packages.set(id, found);
    Object.assign(found, dependenciesOf(entry));
  };
  const dependenciesOf = (entry: YarnEntry) => {
    const optional = (dependency: string) => entry.dependenciesMeta[dependency]?.optional === true;
    const all = Object.entries(entry.dependencies);
    return {
      dependencies: edges(Object.fromEntries(all.filter(([dependency]) => !optional(dependency)))),
      optionalDependencies: edges({
        ...Object.fromEntries(all.filter(([dependency]) => optional(dependency))),
        ...entry.optionalDependencies,
      }),
    };
  };
  const edges = (ranges: Record<string, string>): Edges =>
    Object.fromEntries(
      Object.entries(ranges).flatMap(([name, range]) => {
        const id = find(name, range);
        return id === undefined ? [] : [[name, id]];
      }),
    );

  for (const [directory, manifest] of manifests) {
    const { dependencies = {}, devDependencies = {}, optionalDependencies = {} } = manifest;
    const wanted = Object.entries({ ...optionalDependencies, ...devDependencies, ...dependencies });
    checkDeclared(
      wanted.map(([name, range]) => ({ name, wanted: range, locked: find(name, range) && range })),
      'yarn.lock',
      'yarn install',
    );
    importers.set(directory, {
      dependencies: edges(dependencies),
      devDependencies: edges(devDependencies),
      optionalDependencies: edges(optionalDependencies),
    });
  }
  return { packages, importers };
}

function withoutMetadata(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || !('__metadata' in json)) return json;
  const { __metadata, ...entries } = json;
  return entries;
}

/**
 * The directory of the app that a package is: `file:./libs/a`, `link:./libs/a`, `portal:./libs/a`.
 *
 * @returns relative to the root; undefined for anything else
 */
function localDirectory(reference: string, { resolved = '' }: YarnEntry): string | undefined {
  const path = /^(?:file|link|portal):(.*)$/.exec(reference.replace(/#.*$/, ''))?.[1];
  if (path === undefined || /\.t(ar\.)?gz$/.test(path) || resolved.startsWith('file:')) return undefined;
  return posix.normalize(path);
}

/**
 * Yarn's own patches make a few packages work in its archives, and are not needed outside of them.
 *
 * @throws BuildFailure for what Islet does not do
 */
function checkSupported(name: string, reference: string): void {
  if (reference.startsWith('exec:')) {
    throw new BuildFailure(`${name} is made by a script on installation (${reference}), which is not supported.`, {
      help: ['Depend on a published version, or on a workspace of this repository.'],
    });
  }
  if (!reference.startsWith('patch:') || /builtin</.test(decodeURIComponent(reference))) return;
  throw new BuildFailure(`yarn.lock asks for a patch of ${name}, which is not applied here.`, {
    help: [
      'Publish the patched package, or commit it to this repository and depend on it by "file:".',
      'A `postinstall` script of the app may apply patches too, as patch-package does.',
    ],
  });
}

/** Where a package comes from, if not from a registry by its name: with the commit of a repository. */
function addressOf({ resolved, resolution = '' }: YarnEntry): string | undefined {
  const reference = resolution.slice(resolution.indexOf('@', 1) + 1).replace(/::.*$/, '');
  const address = resolved ?? (/^(npm|patch):/.test(reference) || reference === '' ? undefined : reference);
  if (address === undefined || repositoryOf(address) !== undefined) return address;
  return address.replace(/#.*$/, '');
}

/** The package that `npm:string-width@^4` stands for. */
function aliased(range: string): string | undefined {
  return /^npm:(@?[^@]+)@/.exec(range)?.[1];
}

/** `os=darwin & cpu=(arm64 | x64)` */
function condition(conditions: string | undefined, name: string): string[] | undefined {
  const value = new RegExp(`\\b${name}=(?:\\(([^)]*)\\)|([^\\s&]+))`).exec(conditions ?? '');
  return (value?.[1] ?? value?.[2])?.split(/\s*\|\s*/).map((part) => part.replace(/^.*=/, ''));
}

/**
 * Reads Yarn 1's form: a line without indentation lists descriptors and ends with a colon; below it, by two spaces a
 * level, a key and a value, or a key and a colon for a block. Anything with a special character is in quotes.
 */
function parseClassic(text: string): Record<string, Record<string, string | Record<string, string>>> {
  const entries: Record<string, Record<string, string | Record<string, string>>> = {};
  let entry: Record<string, string | Record<string, string>> = {};
  let block: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, indent = '', content = ''] = /^( *)(.*)$/.exec(line) ?? [];
    if (indent === '') {
      entry = {};
      entries[content.replace(/:$/, '').replaceAll('"', '')] = entry;
    } else if (content.endsWith(':')) {
      block = {};
      entry[unquoted(content.slice(0, -1))] = block;
    } else {
      const [, key = '', value = ''] = /^("[^"]*"|\S+)\s+(.*)$/.exec(content) ?? [];
      (indent.length > 2 ? block : entry)[unquoted(key)] = unquoted(value);
    }
  }
  return entries;
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/, '$1');
}
