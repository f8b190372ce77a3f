/** Writes `vendor/autoload.php`, by which an app finds its classes. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listFiles } from '../../files.ts';
import { classesOf } from './classes.ts';
import type { Autoload, LockedPackage, Manifest } from './lockfile.ts';

/** A package, or the app itself. */
export interface Loaded {
  name: string;
  /** Relative to the app; `''` is the app itself. */
  directory: string;
  autoload: Autoload;
}

/**
 * @param tree absolute path of the app
 * @param packages those that others need before those that need them, the app last
 * @param locked what `Composer\InstalledVersions` tells of them
 */
export async function writeAutoload(
  tree: string,
  vendor: string,
  packages: readonly Loaded[],
  { manifest, locked }: { manifest: Manifest; locked: readonly LockedPackage[] },
): Promise<void> {
  const psr4: Record<string, string[]> = {};
  const psr0: Record<string, string[]> = {};
  const classmap: Record<string, string> = {};
  const files: string[] = [];
  // What the app itself says comes first.
  for (const { directory, autoload } of [...packages].reverse()) {
    const place = (path: string) => [directory, path.replace(/^\.?\/+|\/+$/g, '')].filter(Boolean).join('/');
    gather(psr4, autoload['psr-4'], place);
    gather(psr0, autoload['psr-0'], place);
    const excluded = (autoload['exclude-from-classmap'] ?? []).map((path) => globOf(place(path)));
    for (const path of autoload.classmap ?? []) {
      for (const [file, name] of await classesBelow(tree, place(path))) {
        if (!excluded.some((glob) => glob.test(file))) classmap[name] ??= file;
      }
    }
  }
  for (const { directory, autoload } of packages) {
    for (const path of autoload.files ?? []) files.push([directory, path].filter(Boolean).join('/'));
  }
  await mkdir(join(tree, vendor, 'composer'), { recursive: true });
  for (const name of ['ClassLoader.php', 'InstalledVersions.php']) {
    await copyFile(fileURLToPath(new URL(`lib/${name}`, import.meta.url)), join(tree, vendor, 'composer', name));
  }
  const up = '/..'.repeat(vendor.split('/').length);
  const versions = [...locked].map(({ name, version, type, dist, source }) => ({
    name,
    version,
    type,
    reference: dist?.reference ?? source?.reference,
    'install-path': `../${name}`,
  }));
  await writeFile(
    join(tree, vendor, 'composer/installed.json'),
    `${JSON.stringify({ packages: versions, dev: false, 'dev-package-names': [] }, null, 4)}\n`,
  );
  const data = { psr4, psr0, classmap, files, name: manifest.name ?? '__root__' };
  await writeFile(join(tree, vendor, 'composer/autoload.json'), JSON.stringify(data));
  await writeFile(
    join(tree, vendor, 'autoload.php'),
    `<?php
// Made by the build, of composer.json and composer.lock.
require_once __DIR__ . '/composer/ClassLoader.php';
require_once __DIR__ . '/composer/InstalledVersions.php';

return Composer\\Autoload\\ClassLoader::load(__DIR__, __DIR__ . '${up}');
`,
  );
}

function gather(
  into: Record<string, string[]>,
  map: Readonly<Record<string, string | string[]>> = {},
  place: (path: string) => string,
): void {
  for (const [prefix, paths] of Object.entries(map)) {
    into[prefix] = [...(into[prefix] ?? []), ...[paths].flat().map(place)];
  }
}

/** The classes of PHP files at a path or below it: pairs of a file, relative to the app, and a class's name. */
async function classesBelow(tree: string, path: string): Promise<[string, string][]> {
  const glob = globOf(path);
  const found: [string, string][] = [];
  for (const [file, absolute] of listFiles(tree)) {
    if (!/\.(php|inc)$/.test(file) || !(file === path || file.startsWith(`${path}/`) || glob.test(file))) continue;
    for (const name of classesOf(await readFile(absolute, 'utf8'))) found.push([file, name]);
  }
  return found;
}

/** `*` is anything but a slash, `**` anything; a directory is all below it. */
function globOf(path: string): RegExp {
  const source = path
    .split(/(\*\*?)/)
    .map((part) => (part === '*' ? '[^/]+' : part === '**' ? '.*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')))
    .join('');
  return new RegExp(`^${source}(/|$)`);
}

/** Whether a tree has its packages with it. */
export const hasAutoload = (tree: string, vendor: string): boolean => existsSync(join(tree, vendor, 'autoload.php'));
