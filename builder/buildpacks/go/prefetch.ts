import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleProxy } from './proxy.ts';

/** How many modules are fetched at once. */
const AT_ONCE = 8;

/**
 * Gets the modules of an app before the go command asks for them one by one: those whose files go.sum has a hash of. What
 * cannot be had is left for the go command to tell.
 */
export async function prefetch(tree: string, proxy: ModuleProxy): Promise<void> {
  if (existsSync(join(tree, 'vendor', 'modules.txt'))) return;
  const sums = await readFile(join(tree, 'go.sum'), 'utf8').catch(() => '');
  const names = [...sums.matchAll(/^(\S+) (v[^\s/]+) h1:/gm)].map(([, path = '', version = '']) => {
    return `${escaped(path)}@${escaped(version)}`;
  });
  const get = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) await proxy.module(name).catch(() => {});
  };
  await Promise.all(Array.from({ length: AT_ONCE }, get));
}

/** Upper-case letters are written `!a` ("GOPROXY protocol", Go Modules Reference). */
const escaped = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
