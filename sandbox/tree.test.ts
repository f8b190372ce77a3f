import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packTar } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyChanges, type TreeEntry } from './index.ts';
import { collectEntries, decodeEntries, encodeEntries } from './protocol.ts';
import { readDirectory, readTar } from './tree.ts';

let directory: string;
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'tree-test-')));
});
afterEach(() => rm(directory, { recursive: true }));

const file = (path: string, text = 'text'): TreeEntry => ({
  type: 'file',
  path,
  mode: 0o644,
  content: Buffer.from(text),
});

async function all(groups: AsyncIterable<TreeEntry[]>): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for await (const group of groups) entries.push(...group);
  return entries;
}

describe('entries on their way', () => {
  const travel = (entries: TreeEntry[]): TreeEntry[] => {
    const arrived: TreeEntry[] = [];
    for (const batch of encodeEntries(entries)) collectEntries(arrived, decodeEntries(batch));
    return arrived;
  };

  test('arrive as they were, a file in parts too', () => {
    const large = Buffer.alloc(40 << 20, 'abc');
    const entries: TreeEntry[] = [
      { type: 'directory', path: 'a', mode: 0o755 },
      file('a/ü', '☃'),
      file('empty', ''),
      { type: 'symlink', path: 'link', target: 'a' },
      { type: 'file', path: 'large', mode: 0o755, content: large },
      { type: 'deleted', path: 'old' },
    ];
    const arrived = travel(entries);
    expect(arrived.map(({ type, path }) => [type, path])).toEqual(entries.map(({ type, path }) => [type, path]));
    expect(arrived[4]?.type === 'file' && large.equals(arrived[4].content)).toBe(true);
  });

  test.each([
    ['no list', '{}'],
    ['an entry that is null', '[null]'],
    ['a content longer than the batch', '[{"type":"file","path":"a","mode":420,"content":99}]'],
    ['a length below zero', '[{"type":"file","path":"a","mode":420,"content":-1}]'],
    ['a type there is not', '[{"type":"device","path":"a","mode":420}]'],
  ])('are refused with %s', (_, header) => {
    const batch = Buffer.concat([Buffer.alloc(4), Buffer.from(header)]);
    batch.writeUInt32LE(header.length);
    expect(() => decodeEntries(batch)).toThrow();
  });
});

describe('a directory', () => {
  test('is read with its links, and none that leads out', async () => {
    await mkdir(join(directory, 'a/b'), { recursive: true });
    await writeFile(join(directory, 'a/b/run'), 'x', { mode: 0o755 });
    await symlink('../a/b/run', join(directory, 'a/link'));
    await symlink(join(directory, 'a'), join(directory, 'absolute'));
    const entries = await all(readDirectory(directory, '/app'));
    expect(entries.sort((a, b) => (a.path < b.path ? -1 : 1))).toMatchObject([
      { type: 'directory', path: '/app' },
      { type: 'directory', path: '/app/a' },
      { type: 'directory', path: '/app/a/b' },
      { type: 'file', path: '/app/a/b/run', mode: 0o755 },
      { type: 'symlink', path: '/app/a/link', target: 'b/run' },
      { type: 'symlink', path: '/app/absolute', target: 'a' },
    ]);
    await symlink('/etc', join(directory, 'out'));
    await expect(all(readDirectory(directory, '/app'))).rejects.toThrow('the link out leads out of the tree');
  });
});

describe('a tar archive', () => {
  test('is read', async () => {
    const archive = await packTar([
      { header: { name: 'd/', size: 0, type: 'directory' } },
      { header: { name: 'd/f', size: 1, type: 'file', mode: 0o755 }, body: 'x' },
      { header: { name: 'l', size: 0, type: 'symlink', linkname: 'd/f' } },
    ]);
    expect(await all(readTar(archive, '/app'))).toMatchObject([
      { type: 'directory', path: '/app/d' },
      { type: 'file', path: '/app/d/f', mode: 0o755 },
      { type: 'symlink', path: '/app/l', target: 'd/f' },
    ]);
  });

  test.each(['../evil', '/evil', 'a/../../evil'])('with the entry %j is refused', async (name) => {
    const archive = await packTar([{ header: { name, size: 1, type: 'file' }, body: 'x' }]);
    await expect(all(readTar(archive, '/app'))).rejects.toThrow('outside of its own tree');
  });

  test('with a device is refused', async () => {
    const archive = await packTar([{ header: { name: 'tty', size: 0, type: 'character-device' } }]);
    await expect(all(readTar(archive, '/app'))).rejects.toThrow('character-device');
  });
});

describe('changes', () => {
  test('are applied: files, directories, links, what was removed, and one kind in the place of another', async () => {
    await mkdir(join(directory, 'gone/deep'), { recursive: true });
    await writeFile(join(directory, 'was-file'), '');
    await applyChanges(
      [
        { type: 'deleted', path: 'gone' },
        { type: 'directory', path: 'was-file', mode: 0o755 },
        file('was-file/now', 'inside'),
        file('a/b/c'),
        { type: 'symlink', path: 'a/link', target: '../was-file' },
      ],
      directory,
    );
    expect((await readdir(directory)).sort()).toEqual(['a', 'was-file']);
    expect(await readFile(join(directory, 'a/link/now'), 'utf8')).toBe('inside');
    expect(await readlink(join(directory, 'a/link'))).toBe('../was-file');
  });

  test.each(['/etc/evil', '../evil', 'a/../../evil', 'a//b', '', '.', 'a/./b', 'a\0b'])(
    'with the path %j are refused',
    async (path) => {
      await expect(applyChanges([file(path)], directory)).rejects.toThrow('outside of its tree');
    },
  );

  test.each(['/etc', '../..', 'x/../../..', '..', './../up'])('with a link to %j are refused', async (target) => {
    await expect(applyChanges([{ type: 'symlink', path: 'link', target }], directory)).rejects.toThrow('leads out');
  });

  test('with links that lead out only together are refused', async () => {
    await expect(
      applyChanges(
        [
          { type: 'symlink', path: 'a/b/up', target: '..' },
          { type: 'symlink', path: 'a/b/out', target: 'up/../..' },
        ],
        directory,
      ),
    ).rejects.toThrow('leads out');
  });

  test('are not written through a link', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    await symlink(outside, join(directory, 'link'));
    await expect(applyChanges([file('link/evil')], directory)).rejects.toThrow('not a directory');
    expect(await readdir(outside)).toEqual([]);
    await rm(outside, { recursive: true });
  });

  test('replace a link instead of following it', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    await writeFile(join(outside, 'file'), 'before');
    await symlink(join(outside, 'file'), join(directory, 'file'));
    await applyChanges([file('file', 'after')], directory);
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('before');
    expect(await readFile(join(directory, 'file'), 'utf8')).toBe('after');
    await rm(outside, { recursive: true });
  });
});
