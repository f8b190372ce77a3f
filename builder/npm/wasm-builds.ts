import { type Lock, type LockEntry, packageName } from './lock.ts';

/**
 * Packages with machine code, and what their makers publish for WebAssembly under the same versions. It takes the
 * package's place, so that whoever asks for the one gets the other.
 */
const builds: Record<string, string> = {
  esbuild: 'esbuild-wasm',
  rollup: '@rollup/wasm-node',
  lightningcss: 'lightningcss-wasm',
  '@swc/core': '@swc/wasm',
  '@parcel/watcher': '@parcel/watcher-wasm',
  // The same compiler in JavaScript.
  'sass-embedded': 'sass',
};

/**
 * Packages that look for a build for WebAssembly beside them, and would download it if they could: what they call their
 * native one, and what to put there.
 */
const companions: Record<string, { name: string; by: string }> = {
  next: { name: '@next/swc', by: '@next/swc-wasm-nodejs' },
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

/**
 * Lets a lock pin the WebAssembly builds of packages in the place of those with machine code.
 *
 * Packages that load their build for a platform from an optional dependency (oxide, rolldown, oxc, sharp) need nothing
 * of this where the lock pins the one for `wasm32`; where it was made for one platform alone, that one is added.
 *
 * @returns the lock to install, and what was replaced, by name
 */
export function useWasmBuilds({ lockfileVersion, packages }: Lock): { lock: Lock; replaced: Replacement[] } {
  const replaced: Replacement[] = [];
  const changed: Lock['packages'] = {};
  for (const [place, entry] of Object.entries(packages)) {
    const isPackage = place.includes('node_modules/') && !entry.link;
    const by = isPackage ? own(builds, packageName(place, entry)) : undefined;
    changed[place] = by === undefined ? entry : buildOf(entry, by);
    if (by !== undefined) {
      replaced.push({ name: packageName(place, entry), version: entry.version ?? '', by, dev: entry.dev ?? false });
    }
    if (isPackage) Object.assign(changed, missingBindings(place, entry, packages));
    const companion = isPackage ? own(companions, packageName(place, entry)) : undefined;
    if (companion === undefined) continue;
    const beside = `${parentOf(place)}node_modules/${companion.by}`;
    const { version = '', dev = false } = entry;
    if (!(beside in packages)) changed[beside] = { version, ...(dev && { dev }) };
    replaced.push({ ...companion, version, dev });
  }
  replaced.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { lock: { lockfileVersion, packages: changed }, replaced };
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

/** Optional dependencies for WebAssembly that a lock does not have, pinned by the exact version that is asked for. */
function missingBindings(place: string, entry: LockEntry, packages: Lock['packages']): Lock['packages'] {
  const parent = parentOf(place);
  const missing: Lock['packages'] = {};
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!/[-/]wasm32(-wasip?1?)?$/.test(name) || !/^\d+\.\d+\.\d+\S*$/.test(version)) continue;
    const there = [`${place}/node_modules/${name}`, `${parent}node_modules/${name}`, `node_modules/${name}`];
    if (there.some((known) => known in packages)) continue;
    missing[`${parent}node_modules/${name}`] = { version, optional: true, ...(entry.dev && { dev: true }) };
  }
  return missing;
}
