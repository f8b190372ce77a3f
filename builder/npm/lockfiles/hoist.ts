import { BuildFailure } from '../../failure.ts';
import type { Lock, LockEntry } from '../lock.ts';
import { type Edges, isPlatformBinary, type PackageGraph } from './graph.ts';

/** A directory that has a `node_modules`: the root, a workspace, or a package. */
interface Location {
  /** The package, if it is one. */
  id: string | undefined;
  /** Relative to the root. */
  place: string;
  parent: Location | undefined;
  /** What stands in its `node_modules`: name to id. */
  holds: Map<string, string>;
  /** Names that something at or below it has found further up: another package may not come between. */
  passed: Set<string>;
}

/** Most places: as many as a large monorepo has, and few enough to refuse a lockfile that was made to have no end. */
const maxPlaces = 50_000;

/**
 * Gives every package of a graph a place, as high in the tree as npm would: one version of a package at the root, and
 * others beside who needs them.
 *
 * @returns the same as an npm lockfile has it
 */
export function hoist({ packages, importers }: PackageGraph): Lock {
  const root: Location = { id: undefined, place: '', parent: undefined, holds: new Map(), passed: new Set() };
  const entries: Lock['packages'] = { '': {} };
  let placed = 0;
  const { needed, required } = reach({ packages, importers });
  const queue: { location: Location; edges: Edges }[] = [];

  for (const [directory, importer] of importers) {
    const location =
      directory === ''
        ? root
        : { id: undefined, place: directory, parent: root, holds: new Map(), passed: new Set<string>() };
    const { dependencies, devDependencies, optionalDependencies } = importer;
    queue.push({ location, edges: { ...optionalDependencies, ...devDependencies, ...dependencies } });
  }
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const [name, id] of Object.entries(next.edges).sort(([a], [b]) => (a < b ? -1 : 1)))
      place(name, id, next.location);
  }
  return { lockfileVersion: 3, packages: entries };

  function place(name: string, id: string, from: Location): void {
    const found = findPlace(name, id, from);
    if (found === undefined) return;
    found.holds.set(name, id);
    const path = `${found.place === '' ? '' : `${found.place}/`}node_modules/${name}`;
    if (id.startsWith('link:')) {
      entries[path] = { link: true, resolved: id.slice('link:'.length) };
      return;
    }
    const known = packages.get(id);
    if (known === undefined) return;
    // Around a circle of versions that exclude each other there would be no end: it closes with a link.
    const same = ancestor(found, id);
    if (same !== undefined) {
      entries[path] = { link: true, resolved: same.place };
      return;
    }
    placed += 1;
    if (placed > maxPlaces)
      throw new BuildFailure(`The lockfile needs more than ${maxPlaces} places for its packages.`);
    const { dependencies, optionalDependencies, ...pinned } = known;
    const entry: LockEntry = { ...pinned };
    if (!needed.has(id)) entry.dev = true;
    if (!required.has(id)) {
      entry.optional = true;
      if (pinned.os === undefined && pinned.cpu === undefined && isPlatformBinary(pinned.name)) return;
    }
    entries[path] = entry;
    const location: Location = { id, place: path, parent: found, holds: new Map(), passed: new Set() };
    queue.push({ location, edges: { ...optionalDependencies, ...dependencies } });
  }
}

function ancestor(from: Location, id: string): Location | undefined {
  for (let at: Location | undefined = from; at !== undefined; at = at.parent) if (at.id === id) return at;
  return undefined;
}

/** @returns where the package is to be put; undefined where it is found already */
function findPlace(name: string, id: string, from: Location): Location | undefined {
  const way: Location[] = [];
  let best: Location | undefined;
  for (let at: Location | undefined = from; at !== undefined; at = at.parent) {
    const there = at.holds.get(name);
    if (there === id) {
      for (const passed of way) passed.passed.add(name);
      return undefined;
    }
    if (there !== undefined) break;
    if (!at.passed.has(name)) best = at;
    way.push(at);
  }
  for (const passed of way) {
    if (passed === best) break;
    passed.passed.add(name);
  }
  return best ?? from;
}

/** Which packages are needed without the development dependencies, and which without the optional ones. */
function reach({ packages, importers }: PackageGraph): { needed: Set<string>; required: Set<string> } {
  const walk = (starts: Edges[], optional: boolean): Set<string> => {
    const seen = new Set<string>();
    const queue = starts.flatMap((edges) => Object.values(edges));
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      const found = packages.get(id);
      if (found === undefined || seen.has(id)) continue;
      seen.add(id);
      queue.push(...Object.values(found.dependencies));
      if (optional) queue.push(...Object.values(found.optionalDependencies));
    }
    return seen;
  };
  const all = [...importers.values()];
  return {
    needed: walk(
      all.flatMap((each) => [each.dependencies, each.optionalDependencies]),
      true,
    ),
    required: walk(
      all.flatMap((each) => [each.dependencies, each.devDependencies]),
      false,
    ),
  };
}
