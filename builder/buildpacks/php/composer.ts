/** Installs an app's packages by its composer.lock, as `composer install --no-dev` lays them out. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';
import { hasAutoload, writeAutoload } from './autoload.ts';
import { writeBin } from './bin.ts';
import { installPackage } from './dist.ts';
import { type LockedPackage, type Lockfile, type Manifest, readLockfile, readManifest } from './lockfile.ts';

/** What Composer calls platform packages. */
export interface Platform {
  /** PHP's version. */
  php: string;
  /** Names without `ext-`. */
  extensions: ReadonlySet<string>;
}

/** How many packages are fetched at once. */
const CONCURRENCY = 8;

/**
 * @returns the extensions that the app and its packages ask for
 * @throws BuildFailure when the platform has not what is asked for, or a package is not to be had
 */
export async function composerInstall(platform: Platform, context: BuildContext): Promise<{ asked: string[] }> {
  const { tree, log } = context;
  if (!existsSync(join(tree, 'composer.json'))) return { asked: [] };
  const manifest = await readManifest(tree);
  const lock = await lockOf(manifest, context);
  const provided = new Set(lock.packages.flatMap(({ provide, replace }) => Object.keys({ ...provide, ...replace })));
  checkPlatform({ ...manifest.require, ...lock.platform }, 'composer.json', platform, provided);
  for (const { name, require = {} } of lock.packages) checkPlatform(require, name, platform, provided);

  const vendor = vendorOf(manifest);
  log.step('Installing dependencies...');
  if (lock.packages.length === 0 && hasAutoload(tree, vendor)) {
    log.detail(`${vendor} comes with the app.`);
  } else {
    const start = performance.now();
    const waiting = [...lock.packages];
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const directory = join(tree, vendor, next.name);
          await rm(directory, { recursive: true, force: true });
          await installPackage(next, directory, context);
        }
      }),
    );
    for (const { name, version } of lock.packages) log.detail(`- Installing ${name} (${version})`);
    const packages = inOrder(lock.packages).map(({ name, autoload = {} }) => ({
      name,
      directory: `${vendor}/${name}`,
      autoload,
    }));
    const app = { name: manifest.name ?? '', directory: '', autoload: manifest.autoload ?? {} };
    log.detail('Generating autoload files');
    await writeAutoload(tree, vendor, [...packages, app], { manifest, locked: lock.packages });
    await writeBin(tree, vendor, lock.packages);
    log.detail(`Installed ${lock.packages.length} packages in ${((performance.now() - start) / 1000).toFixed(1)}s`);
  }
  const all = [manifest.require ?? {}, ...lock.packages.map(({ require = {} }) => require)];
  return {
    asked: all.flatMap((names) => Object.keys(names)).flatMap((name) => (isExtension(name) ? [extensionOf(name)] : [])),
  };
}

/** An app without packages needs no lock. */
async function lockOf({ require = {} }: Manifest, { tree }: BuildContext): Promise<Lockfile> {
  if (existsSync(join(tree, 'composer.lock'))) return readLockfile(tree);
  const wanted = Object.keys(require).filter((name) => !isPlatform(name));
  if (wanted.length === 0) return { packages: [] };
  throw new BuildFailure('A composer.lock is required, as composer.json asks for packages.', {
    details: wanted,
    help: ['Run `composer update` and commit composer.lock.'],
  });
}

/** Where packages go, relative to the app. */
function vendorOf({ config }: Manifest): string {
  const vendor = (config?.['vendor-dir'] ?? 'vendor').replace(/^\.?\/+|\/+$/g, '');
  if (!vendor || vendor.split('/').includes('..')) {
    throw new BuildFailure(`composer.json has ${vendor} as its vendor-dir, which is not a directory of the app.`);
  }
  return vendor;
}

const isExtension = (name: string): boolean => name.startsWith('ext-');
const extensionOf = (name: string): string => name.slice('ext-'.length).toLowerCase();
const isPlatform = (name: string): boolean =>
  /^(php(-64bit|-ipv6|-zts)?|ext-.+|lib-.+|composer(-(plugin|runtime)-api)?)$/.test(name);

function checkPlatform(
  asked: Readonly<Record<string, string>>,
  who: string,
  { php, extensions }: Platform,
  provided: ReadonlySet<string>,
): void {
  for (const [name, constraint] of Object.entries(asked)) {
    if (name === 'php' && !semver.satisfies(php, rangeOf(constraint))) {
      throw new BuildFailure(`${who} requires php ${constraint}; Islet has ${php} alone.`);
    }
    if (isExtension(name) && !extensions.has(extensionOf(name)) && !provided.has(name)) {
      throw new BuildFailure(`${who} requires ${name}, which PHP on Islet has not.`, {
        help: [`It has ${[...extensions].sort().join(', ')}.`],
      });
    }
  }
}

/** Composer's constraints ("Versions and constraints") in npm's words. */
const rangeOf = (constraint: string): string =>
  constraint
    .replace(/@\w+/g, '')
    .replace(/\s*\|\|?\s*/g, ' || ')
    .replaceAll(',', ' ');

/** Packages that others need before those that need them, as their files are run. */
function inOrder(packages: readonly LockedPackage[]): LockedPackage[] {
  const byName = new Map(packages.map((one) => [one.name, one]));
  const ordered = new Set<LockedPackage>();
  const visiting = new Set<string>();
  const visit = (one: LockedPackage): void => {
    if (visiting.has(one.name)) return;
    visiting.add(one.name);
    for (const name of Object.keys(one.require ?? {})) {
      const needed = byName.get(name);
      if (needed) visit(needed);
    }
    ordered.add(one);
  };
  for (const one of [...packages].sort((a, b) => a.name.localeCompare(b.name))) visit(one);
  return [...ordered];
}
