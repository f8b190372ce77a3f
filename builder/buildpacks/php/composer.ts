/** Installs an app's packages by its composer.lock, as `composer install --no-dev` lays them out. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';
import { hasAutoload, writeAutoload } from './autoload.ts';
import { writeBin } from './bin.ts';
import { type Composer, findComposer, SOURCE } from './composer-program.ts';
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
  const composer = await findComposer(manifest, context);
  const lock = await lockOf(manifest, composer, context);
  const provided = new Set(lock.packages.flatMap(({ provide, replace }) => Object.keys({ ...provide, ...replace })));
  checkPlatform({ ...manifest.require, ...lock.platform }, 'composer.json', platform, provided);
  for (const { name, require = {} } of lock.packages) checkPlatform(require, name, platform, provided);

  const vendor = vendorOf(manifest);
  log.step('Installing dependencies...');
  if (lock.packages.length === 0 && hasAutoload(tree, vendor)) {
    log.detail(`${vendor} comes with the app.`);
  } else {
    const start = performance.now();
    // A metapackage has nothing but what it requires.
    const waiting = lock.packages.filter(({ type }) => type !== 'metapackage');
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
    const needs = needsComposer(manifest, lock);
    if (needs && composer) {
      await installedBy(composer, { manifest, lock, vendor }, context);
      return { asked: askedOf(manifest, lock) };
    }
    if (needs)
      log.warn(`Composer is not here, so ${needs} not run. The setting or config var ${SOURCE} says where it is.`);
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
  return { asked: askedOf(manifest, lock) };
}

/** The extensions that an app and its packages ask for. */
function askedOf({ require = {} }: Manifest, { packages }: Lockfile): string[] {
  const all = [require, ...packages.map(({ require: names = {} }) => names)];
  return all.flatMap((names) => Object.keys(names)).flatMap((name) => (isExtension(name) ? [extensionOf(name)] : []));
}

/** Scripts that an installation runs ("Scripts", Composer docs), and the one that Heroku runs after it. */
const EVENTS = ['pre-install-cmd', 'post-install-cmd', 'pre-autoload-dump', 'post-autoload-dump'];
const COMPILE = 'compile';

/** What of an app Composer itself has to do; undefined where there is nothing. */
function needsComposer({ scripts = {} }: Manifest, { packages }: Lockfile): string | undefined {
  if (packages.some(({ type }) => type === 'composer-plugin')) return 'its plugins are';
  const names = [...EVENTS, COMPILE].filter((name) => name in scripts);
  if (names.length === 0) return undefined;
  return `the script${names.length === 1 ? '' : 's'} ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'}`;
}

/** Lets Composer end an installation of packages that are there: it finds nothing to fetch, and does the rest. */
async function installedBy(
  composer: Composer,
  { manifest, lock, vendor }: { manifest: Manifest; lock: Lockfile; vendor: string },
  { tree, log, phase }: BuildContext,
): Promise<void> {
  const packages = lock.packages.map((one) => ({
    ...one,
    'installation-source': one.dist ? 'dist' : 'source',
    'install-path': one.type === 'metapackage' ? null : `../${one.name}`,
  }));
  await mkdir(join(tree, vendor, 'composer'), { recursive: true });
  await writeFile(
    join(tree, vendor, 'composer/installed.json'),
    JSON.stringify({ packages, dev: false, 'dev-package-names': [] }),
  );
  // Composer leaves out the commands of packages that are there.
  await writeBin(tree, vendor, lock.packages);
  log.detail('Running composer install');
  await phase('commands', async () => {
    await composer.run('install --no-dev --prefer-dist --optimize-autoloader --no-progress', 'Installing dependencies');
    if (COMPILE in (manifest.scripts ?? {})) await composer.run(`run-script --no-dev ${COMPILE}`, 'The script compile');
  });
}

/** An app without packages needs no lock. */
async function lockOf(manifest: Manifest, composer: Composer | undefined, context: BuildContext): Promise<Lockfile> {
  const { require = {} } = manifest;
  const { tree, log, phase } = context;
  if (existsSync(join(tree, 'composer.lock'))) return readLockfile(tree);
  const wanted = Object.keys(require).filter((name) => !isPlatform(name));
  if (wanted.length === 0) return { packages: [] };
  if (composer) {
    log.step('Resolving dependencies, as there is no composer.lock...');
    await phase('resolve', () =>
      composer.run('update --no-install --no-scripts --no-plugins --no-audit --no-progress', 'Resolving dependencies'),
    );
    return readLockfile(tree);
  }
  throw new BuildFailure('A composer.lock is required, as composer.json asks for packages.', {
    details: wanted,
    help: [
      'Run `composer update` and commit composer.lock.',
      `Or let the build do it: the setting or config var ${SOURCE} says where Composer is.`,
    ],
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
