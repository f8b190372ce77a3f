import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TreeEntry } from '../sandbox/protocol.ts';
import { applyChanges } from './changes.ts';
import { BuildFailure } from './failure.ts';
import { temporaryDirectory } from './testing.ts';

const file = (path: string, text = 'new'): TreeEntry => ({
  type: 'file',
  path,
  mode: 0o644,
  content: Buffer.from(text),
});
const symlink = (path: string, target: string): TreeEntry => ({ type: 'symlink', path, target });

function setUp() {
  const outside = temporaryDirectory();
  const tree = join(outside, 'tree');
  mkdirSync(join(tree, 'dir'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'old');
  writeFileSync(join(tree, 'dir/file'), 'old');
  return { outside, tree };
}

test('files, directories, links and deletions', () => {
  const { tree } = setUp();
  applyChanges(
    tree,
    [
      { type: 'directory', path: 'dist', mode: 0o755 },
      file('dist/a.js'),
      file('deep/er/b.js'),
      symlink('dist/link', '/app/dir'),
      file('dist/link/through'),
      { type: 'deleted', path: 'dir/file' },
    ],
    '/app',
  );
  expect(readFileSync(join(tree, 'deep/er/b.js'), 'utf8')).toBe('new');
  expect(readlinkSync(join(tree, 'dist/link'))).toBe('../dir');
  expect(readdirSync(join(tree, 'dir'))).toEqual(['through']);
});

test('a file that is linked elsewhere is replaced, not written', () => {
  const { tree, outside } = setUp();
  linkSync(join(outside, 'secret'), join(tree, 'hard'));
  symlinkSync('../secret', join(tree, 'soft'));
  applyChanges(tree, [file('hard'), file('soft')], '/app');
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('old');
  expect(readFileSync(join(tree, 'hard'), 'utf8')).toBe('new');
  expect(readFileSync(join(tree, 'soft'), 'utf8')).toBe('new');
});

test('a directory that became a link out of the tree is replaced by a directory', () => {
  const { tree, outside } = setUp();
  symlinkSync('..', join(tree, 'out'));
  applyChanges(tree, [file('out/secret')], '/app');
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('old');
  expect(readFileSync(join(tree, 'out/secret'), 'utf8')).toBe('new');
});

test.for<[string, TreeEntry[]]>([
  ['a path that climbs', [file('../secret')]],
  ['a path that climbs in its middle', [file('dir/../../secret')]],
  ['an absolute path', [file('/etc/islet')]],
  ['a link that climbs', [symlink('dir/link', '../../secret')]],
  ['an absolute link', [symlink('link', '/etc/passwd')]],
  ['a link by the mount that climbs', [symlink('link', '/app/../secret')]],
  ['a deletion that climbs', [{ type: 'deleted', path: '../secret' }]],
])('refused: %s', ([, changes]) => {
  const { tree, outside } = setUp();
  expect(() => applyChanges(tree, changes, '/app')).toThrow(BuildFailure);
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('old');
  expect(existsSync(join(tree, 'link'))).toBe(false);
});
