import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BuildFailure } from './failure.ts';
import { listFiles } from './files.ts';
import { temporaryDirectory } from './testing.ts';

test('what links lead to is listed under their names; node_modules and .git stay out', () => {
  const tree = temporaryDirectory();
  for (const directory of ['a', '.git', 'b/node_modules']) mkdirSync(join(tree, directory), { recursive: true });
  for (const file of ['a/1', '.git/HEAD', 'b/node_modules/x']) writeFileSync(join(tree, file), '');
  symlinkSync('a', join(tree, 'c'));
  symlinkSync('nowhere', join(tree, 'd'));
  expect(listFiles(tree)).toEqual(
    new Map([
      ['a/1', join(tree, 'a/1')],
      ['c/1', join(tree, 'c/1')],
    ]),
  );
});

test('a link out of the tree is refused, and so is a tree that contains itself', () => {
  const out = temporaryDirectory();
  symlinkSync('/etc', join(out, 'etc'));
  expect(() => listFiles(out)).toThrow(BuildFailure);
  const endless = temporaryDirectory();
  mkdirSync(join(endless, 'a'));
  symlinkSync('..', join(endless, 'a/b'));
  expect(() => listFiles(endless)).toThrow(BuildFailure);
});
