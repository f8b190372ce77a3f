import { type Lock, type LockEntry, packageName } from './lock.ts';
import { runsHere } from './platform.ts';
import { hasSubstitute, type Substitute, substituteBy } from './substitutes.ts';

/**
 * Packages with machine code, and what their makers publish for WebAssembly under the same versions. It takes the
 * package's place, so that whoever asks for the one gets the other.
 */
const builds: Record<string, string> = {
  esbuild: 'esbuild-wasm',
  rollup: '@rollup/wasm-node',
  lightningcss: 'lightningcss-wasm',
  '@parcel/watcher': '@parcel/watcher-wasm',
  // The same compiler in JavaScript.
  'sass-embedded': 'sass',
};

/** Packages that have become machine code, and their last version in JavaScript, which does the same. */
const lastInJavaScript: Record<string, { from: number; version: string }> = {
  typescript: { from: 7, version: '6.0.3' },
};

/**
 * Packages that look for a build for WebAssembly beside them, and would download it if they could: what they call their
 * native one, and what to put there.
 */
const companions: Record<string, { name: string; by: string }> = {
  next: { name: '@next/swc', by: '@next/swc-wasm-nodejs' },
};

/** Packages whose native code the machine has, in one version, and what they reach it by. */
const inMachine: Record<string, { version: string; binding: string }> = {
  sharp: { version: '0.35.5', binding: '@img/sharp-wasm32' },
};

/** Builds of those, which wait for threads in a way that the machine cannot give them. */
const unusable = /^@img\/sharp(-\w+)?-wasm32$/;

/**
 * Packages whose builds for WebAssembly their lists of optional dependencies do not always name, and that are not published
 * for each of their versions. The two have to be of one version.
 */
const together: Record<string, string> = {
  'oxc-minify': '@oxc-minify/binding-wasm32-wasi',
  'oxc-parser': '@oxc-parser/binding-wasm32-wasi',
  'oxc-transform': '@oxc-transform/binding-wasm32-wasi',
};

/** What packages find in the environment of scripts, so that they do without machine code: by the `node_modules` they are in. */
const environments: Record<string, (modules: string) => Readonly<Record<string, string>>> = {
  // Only `prisma migrate` and `prisma db` need it; the client and its generator are WebAssembly since Prisma 7.
  '@prisma/engines': () => ({ PRISMA_SCHEMA_ENGINE_BINARY: '/dev/null' }),
  // They wait for messages without `await`, and would compile in another thread, which makes nothing faster here.
  piscina: () => ({ PISCINA_DISABLE_ATOMICS: '1' }),
  '@angular/build': () => ({ NG_BUILD_PARALLEL_TS: '0' }),
  // Its compiler has a build for WebAssembly, which it takes on no machine where it has a native one; Turbopack has none.
  next: (modules) => ({
    NEXT_TEST_WASM: '1',
    NEXT_TEST_WASM_DIR: `${modules}/@next/swc-wasm-nodejs`,
    IS_WEBPACK_TEST: '1',
  }),
};

/**
 * Whether a package is the WebAssembly build of another. Now and then a version of the one is not published for the
 * other; the one before it does the same.
 */
export const isWasmBuild = (name: string): boolean =>
  Object.values(builds).includes(name) || Object.values(companions).some(({ by }) => by === name);

export interface Replacement {
  name: string;
  version: string;
  by: string;
  /** Whether only development needs it. */
  dev: boolean;
}

/** A build that a lock should pin. */
export interface MissingBuild {
  name: string;
  version: string;
  place: string;
  dev: boolean;
  /** The package that asks for it. */
  of: string;
  /** Where that stands, if it has to be of the build's own version. */
  owner?: string;
}

/** A build that a package brings itself, among its optional dependencies. */
export interface OwnBuild {
  name: string;
  version: string;
  dev: boolean;
  /** The package that asks for it, with its version. */
  of: string;
}

/**
 * Lets a lock pin the WebAssembly builds of packages in the place of those with machine code.
 *
 * Packages that load their build for a platform from an optional dependency (oxide, rolldown, oxc, sharp) need nothing
 * of this where the lock pins the one for `wasm32`. A lock that was made for one platform alone may lack it.
 *
 * @param root where the app stands for its scripts
 * @returns the lock to install; what was replaced, by name; what comes in the place of packages besides; what the lock
 * lacks; and what the packages are to find in their environment
 */
export function useWasmBuilds(
  { lockfileVersion, packages }: Lock,
  root: string,
): {
  lock: Lock;
  replaced: Replacement[];
  substitutes: Substitute[];
  missing: MissingBuild[];
  environment: Record<string, string>;
} {
  const replaced: Replacement[] = [];
  const substitutes: Substitute[] = [];
  const environment: Record<string, string> = {};
  const missing: MissingBuild[] = [];
  const changed: Lock['packages'] = {};
  for (const [place, entry] of Object.entries(packages)) {
    const isPackage = place.includes('node_modules/') && !entry.link;
    const name = packageName(place, entry);
    const { version = '', dev = false } = entry;
    if (unusable.test(name)) continue;
    const machine = isPackage ? own(inMachine, name) : undefined;
    if (machine !== undefined) {
      const { binding, version: known } = machine;
      substitutes.push({ name: binding, version: known, place: `${parentOf(place)}node_modules/${binding}`, dev });
      if (version !== known) {
        missing.push({ name, version: known, place, dev, of: name });
        replaced.push({ name: `${name}@${version}`, version: known, by: name, dev });
        continue;
      }
      replaced.push({ name, version, by: binding, dev });
    }
    if (isPackage) Object.assign(environment, own(environments, name)?.(`${root}/${parentOf(place)}node_modules`));
    const last = isPackage ? own(lastInJavaScript, name) : undefined;
    if (last && Number.parseInt(version, 10) >= last.from) {
      changed[place] = buildOf({ ...entry, version: last.version }, name);
      replaced.push({ name: `${name}@${version}`, version: last.version, by: name, dev });
      continue;
    }
    if (isPackage && hasSubstitute(name)) {
      substitutes.push({ name, version, place, dev });
      const by = substituteBy(name);
      if (by !== undefined) replaced.push({ name, version, by, dev });
      continue;
    }
    const by = isPackage ? own(builds, name) : undefined;
    changed[place] = by === undefined ? entry : buildOf(entry, by);
    if (by !== undefined) replaced.push({ name, version, by, dev });
    if (isPackage) missing.push(...missingBuilds(place, entry, packages));
    const companion = isPackage ? own(companions, name) : undefined;
    if (companion === undefined) continue;
    const beside = `${parentOf(place)}node_modules/${companion.by}`;
    if (!(beside in packages)) changed[beside] = { version, ...(dev && { dev }) };
    replaced.push({ ...companion, version, dev });
  }
  replaced.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { lock: { lockfileVersion, packages: changed }, replaced, substitutes, missing, environment };
}

function own<Value>(values: Record<string, Value>, name: string): Value | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** What stands before the `node_modules` of a place. */
const parentOf = (place: string): string => place.slice(0, place.lastIndexOf('node_modules/'));

/** The registry is asked for its hash, as the lock has only that of the other. */
function buildOf({ version, dev, optional, devOptional, peer, dependencies }: LockEntry, name: string): LockEntry {
  return {
    name,
    ...(version !== undefined && { version }),
    ...(dev && { dev }),
    ...(optional && { optional }),
    ...(devOptional && { devOptional }),
    ...(peer && { peer }),
    ...(dependencies && { dependencies }),
  };
}

/** How packages call their own builds for WebAssembly: `@rolldown/binding-wasm32-wasi`, `@img/sharp-wasm32`. */
const ownBuild = /[-/]wasm32(-wasip?1?)?$/;

/** Where a lock may have what a package at some place asks for, by name. */
const placesOf = (place: string, name: string): string[] => [
  ...new Set([`${place}/node_modules/${name}`, `${parentOf(place)}node_modules/${name}`, `node_modules/${name}`]),
];

/** Optional dependencies for WebAssembly that a lock does not have; packages ask for them by exact versions. */
function missingBuilds(place: string, entry: LockEntry, packages: Lock['packages']): MissingBuild[] {
  const of = packageName(place, entry);
  const untold = own(together, of);
  const wanted = {
    ...(untold !== undefined && entry.version !== undefined && { [untold]: entry.version }),
    ...entry.optionalDependencies,
  };
  return Object.entries(wanted).flatMap(([name, version]) => {
    if (!ownBuild.test(name) || unusable.test(name) || !/^\d+\.\d+\.\d+\S*$/.test(version)) return [];
    if (placesOf(place, name).some((known) => known in packages)) return [];
    const beside = `${parentOf(place)}node_modules/${name}`;
    const dev = entry.dev ?? false;
    return [{ name, version, place: beside, dev, of, ...(name === untold && { owner: place }) }];
  });
}

/** The builds for WebAssembly that packages of a lock bring themselves, by name. */
export function ownBuilds({ packages }: Lock): OwnBuild[] {
  const found = new Map<string, OwnBuild>();
  for (const [place, entry] of Object.entries(packages)) {
    const untold = own(together, packageName(place, entry));
    const names = [...(untold === undefined ? [] : [untold]), ...Object.keys(entry.optionalDependencies ?? {})];
    for (const name of names.filter((each) => ownBuild.test(each))) {
      const at = placesOf(place, name).find((known) => known in packages);
      const build = at === undefined ? undefined : packages[at];
      if (build?.version === undefined || !runsHere(name, build)) continue;
      const { version, dev = false } = build;
      found.set(`${name}@${version}`, { name, version, dev, of: `${packageName(place, entry)}@${entry.version}` });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Adds a build that a lock lacks, with what it depends on below it.
 *
 * @param resolved the lock of an app that depends on nothing but the build
 */
export function addBuild(lock: Lock, { name, place, dev }: MissingBuild, resolved: Lock): void {
  const own = `node_modules/${name}`;
  for (const [from, entry] of Object.entries(resolved.packages)) {
    if (from === '' || /\/@img\/sharp-/.test(from)) continue;
    const below = from === own || from.startsWith(`${own}/`) ? place + from.slice(own.length) : `${place}/${from}`;
    lock.packages[below] = { ...entry, optional: true, ...(dev && { dev }) };
  }
}
