/** The commands of an app's packages in `vendor/bin`, as Composer makes them ("Vendor binaries", Composer docs). */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import type { LockedPackage } from './lockfile.ts';

/** A name of a file that a shell finds by it. */
const COMMAND = /^[\w.-]+$/;

/** Writes them; what a package says that it has and does not have is left out. */
export async function writeBin(tree: string, vendor: string, packages: readonly LockedPackage[]): Promise<void> {
  for (const { name: of, bin } of packages) {
    for (const place of [bin ?? []].flat()) {
      const path = posix.normalize(place).replace(/^\/+/, '');
      const name = basename(path);
      const target = path.split('/').includes('..') || !COMMAND.test(name) ? undefined : join(tree, vendor, of, path);
      const text = target && (await readFile(target, 'latin1').catch(() => undefined));
      if (text === undefined) continue;
      await mkdir(join(tree, vendor, 'bin'), { recursive: true });
      await writeFile(join(tree, vendor, 'bin', name), launcher(text, `${of}/${path}`), { mode: 0o755 });
    }
  }
}

/** Starts a command where it is, so that it finds what is beside it. */
function launcher(command: string, path: string): string {
  if (!/^(#!.*\bphp\b|<\?php)/.test(command))
    return `#!/bin/sh\nexec "$(dirname "$0")"/${shellQuoted(`../${path}`)} "$@"\n`;
  const autoload = "$GLOBALS['_composer_autoload_path'] = __DIR__ . '/../autoload.php';";
  return `#!/usr/bin/env php\n<?php\n${autoload}\nreturn include __DIR__ . '/../${path.replace(/['\\]/g, '\\$&')}';\n`;
}

const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
