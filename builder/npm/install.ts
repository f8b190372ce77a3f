import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, posix, relative } from 'node:path';
import { BuildFailure } from '../failure.ts';
import { isInside } from '../paths.ts';
import type { Web } from '../web.ts';
import { fromElsewhere } from './elsewhere.ts';
import { errorCode } from './errors.ts';
import { type Lock, type LockEntry, packageName, placeName } from './lock.ts';
import { type PackageFacts, readPackageFacts } from './package-scripts.ts';
import { runsHere } from './platform.ts';
import type { RegistrySettings } from './settings.ts';
import type { PackageStore, StoredPackage } from './store.ts';
import { isWasmBuild } from './wasm-builds.ts';

/** Most bytes of all packages together. */
const maxBytes = 3 * 1024 ** 3;

/** A package whose installation is not done before its scripts have run. */
export interface ScriptedPackage {
  name: string;
  version: string;
  /** Where it stands in the tree. */
  place: string;
  optional: boolean;
  scripts: PackageFacts['scripts'];
}

export interface Installed {
  /** Packages put into the tree. */
  packages: number;
  /** Of these, how many had to be downloaded. */
  downloaded: number;
  /** Packages with scripts to run now, deepest last, as the lock has them. */
  scripted: ScriptedPackage[];
}

export interface InstallOptions {
  store: PackageStore;
  settings: RegistrySettings;
  /** The way to packages that no registry has. */
  web: Web;
  /** An existing directory for the build alone. */
  scratch: string;
  /** Whether packages that only development needs come along. */
  development: boolean;
  signal: AbortSignal;
}

/**
 * Puts what a lock pins into `tree`, under its `node_modules`, as `npm ci` with scripts off does, with their commands in
 * `node_modules/.bin`. Packages come from the store; their files in the tree are hard links to it.
 *
 * @param tree absolute path of the app
 * @throws BuildFailure when the lock asks for what cannot or must not be installed
 */
export async function install(
  lock: Lock,
  tree: string,
  { store, settings, web, scratch, development, signal }: InstallOptions,
): Promise<Installed> {
  const wanted = Object.entries(lock.packages).filter(
    ([place, entry]) =>
      /(^|\/)node_modules\//.test(place) &&
      !entry.inBundle &&
      !entry.inert &&
      !entry.extraneous &&
      (development || !entry.dev),
  );
  for (const [place] of wanted) checkPlace(place);

  const installed: Installed = { packages: 0, downloaded: 0, scripted: [] };
  let bytes = 0;
  // One failure ends the downloads of the others.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const work = wanted.map(async ([place, entry]) => {
    if (entry.link) return linkInside(tree, place, entry);
    const name = packageName(place, entry);
    if (!runsHere(name, entry)) return;
    const { version, integrity, resolved } = entry;
    if (version === undefined) {
      throw new BuildFailure(`The lockfile has no version of ${name}, at ${place}.`, {
        help: ['Install it anew and commit the lockfile.'],
      });
    }
    const pinned = { name, version, integrity, resolved, orEarlier: isWasmBuild(name) };
    const elsewhere = await fromElsewhere(pinned, { tree, scratch, web, settings });
    const stored = await store.get(elsewhere?.pinned ?? pinned, settings, either, elsewhere?.fetch);
    either.throwIfAborted();
    bytes += stored.bytes;
    if (bytes > maxBytes) {
      throw new BuildFailure(`The dependencies take more than ${maxBytes / 1024 ** 3} GB.`, {
        help: ['Leave out of "dependencies" what the app does not need to run.'],
      });
    }
    materialize(stored, join(tree, place));
    linkCommands(stored.bin, tree, place);
    installed.packages += 1;
    if (stored.fresh) installed.downloaded += 1;
    if (Object.keys(stored.scripts).length > 0) {
      const { scripts } = stored;
      installed.scripted.push({ name, version, place, optional: entry.optional ?? false, scripts });
    }
  });
  try {
    await Promise.all(work);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(work);
    throw error;
  }
  installed.scripted.sort((a, b) => (a.place < b.place ? -1 : 1));
  return installed;
}

/** A lockfile is the app's: its places must not climb out of the tree. */
function checkPlace(place: string): void {
  if (posix.normalize(place) !== place || place.startsWith('../') || place.startsWith('/') || place.includes('\\')) {
    throw new BuildFailure(`The lockfile has a package at ${JSON.stringify(place)}, outside of the app.`);
  }
}

/** `link: true`: a workspace, or a `file:` dependency on a directory. */
function linkInside(tree: string, place: string, { resolved }: LockEntry): void {
  const target = join(tree, resolved ?? '..');
  if (!isInside(tree, target) || target === tree) {
    throw new BuildFailure(`${placeName(place)} is linked to ${JSON.stringify(resolved)}, outside of the app.`);
  }
  const path = join(tree, place);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(relative(dirname(path), target), path);
  const manifest = join(target, 'package.json');
  if (existsSync(manifest)) linkCommands(readPackageFacts(readFileSync(manifest, 'utf8'), false).bin, tree, place);
}

/** Puts a stored package's files into a directory, as hard links. */
export function materialize({ directory, files }: Pick<StoredPackage, 'directory' | 'files'>, target: string): void {
  const made = new Set<string>();
  for (const file of files) {
    const path = join(target, file);
    const parent = dirname(path);
    if (!made.has(parent)) {
      mkdirSync(parent, { recursive: true });
      made.add(parent);
    }
    try {
      linkSync(join(directory, file), path);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EEXIST')
        throw new BuildFailure(`The lockfile has two packages with the file ${basename(target)}/${file}.`);
      // Another file system, or too many links to one file.
      if (code !== 'EXDEV' && code !== 'EMLINK') throw error;
      copyFileSync(join(directory, file), path);
    }
  }
}

/** Puts a package's commands into the `node_modules/.bin` beside it; the first of two of one name stays. */
function linkCommands(bin: PackageFacts['bin'], tree: string, place: string): void {
  const directory = join(tree, place.slice(0, place.lastIndexOf('node_modules/')), 'node_modules', '.bin');
  for (const [command, file] of Object.entries(bin)) {
    mkdirSync(directory, { recursive: true });
    try {
      symlinkSync(relative(directory, join(tree, place, file)), join(directory, command));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}
