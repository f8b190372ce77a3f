import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeBin } from './bin.ts';

let tree: string;
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'islet-bin-'));
  await mkdir(join(tree, 'vendor/acme/thing/bin'), { recursive: true });
});
afterEach(() => rm(tree, { recursive: true }));

const locked = (bin: string | string[]) => ({ name: 'acme/thing', version: '1.0.0', type: 'library', bin });

it('starts a script of another language where it is', async () => {
  await writeFile(join(tree, 'vendor/acme/thing/bin/it'), '#!/bin/sh\necho "$(basename "$(dirname "$0")") $1"\n', {
    mode: 0o755,
  });
  await writeBin(tree, 'vendor', [locked('./bin/it')]);
  expect(execFileSync(join(tree, 'vendor/bin/it'), ['a b'], { encoding: 'utf8' })).toBe('bin a b\n');
});

it('includes a script of PHP', async () => {
  await writeFile(join(tree, 'vendor/acme/thing/bin/it.php'), '<?php echo 1;');
  await writeBin(tree, 'vendor', [locked(['bin/it.php'])]);
  const text = await readFile(join(tree, 'vendor/bin/it.php'), 'utf8');
  expect(text).toMatch(/^#!\/usr\/bin\/env php\n<\?php\n/);
  expect(text).toContain("include __DIR__ . '/../acme/thing/bin/it.php';");
});

it('leaves out what is not there, is not the package, or has no name for a shell', async () => {
  await writeFile(join(tree, 'vendor/other'), '<?php');
  await writeFile(join(tree, 'vendor/acme/thing/bin/a b'), '<?php');
  await writeBin(tree, 'vendor', [locked(['bin/none', '../../other', 'bin/a b', 'bin/x/../../../../other'])]);
  expect(await readdir(join(tree, 'vendor'))).toEqual(['acme', 'other']);
});
