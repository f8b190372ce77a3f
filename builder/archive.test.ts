import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { packTar, type TarEntry } from 'modern-tar';
import { expect, test } from 'vitest';
import { unpack } from './archive.ts';
import { BuildFailure } from './failure.ts';
import { temporaryDirectory } from './testing.ts';

const limits = { entries: 10, bytes: 1000 };
const file = (name: string, body = 'x'): TarEntry => ({ header: { name, size: body.length }, body });
const link = (name: string, linkname: string, type: 'symlink' | 'link' = 'symlink'): TarEntry => ({
  header: { name, size: 0, type, linkname },
});

async function unpacked(entries: TarEntry[], bytes = packTar(entries)): Promise<string> {
  const parent = temporaryDirectory();
  await unpack(Readable.from([Buffer.from(await bytes)]), join(parent, 'tree'), { what: 'The source', limits });
  expect(readdirSync(parent)).toEqual(['tree']);
  return join(parent, 'tree');
}

test('files, directories, modes and links inside', async () => {
  const tree = await unpacked([
    { header: { name: 'bin/', size: 0, type: 'directory', mode: 0o777 } },
    { header: { name: 'bin/run', size: 1, mode: 0o4755 }, body: 'r' },
    file('lib/a.js', 'a'),
    link('lib/b.js', '../lib/a.js'),
  ]);
  expect(statSync(join(tree, 'bin/run')).mode & 0o7777).toBe(0o755);
  expect(statSync(join(tree, 'lib/a.js')).mode & 0o7777).toBe(0o644);
  expect(lstatSync(join(tree, 'lib/b.js')).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(tree, 'lib/b.js'), 'utf8')).toBe('a');
});

test.for<[string, TarEntry[]]>([
  ['a name that climbs', [file('../evil')]],
  ['a name that climbs in its middle', [file('a/../../evil')]],
  ['an absolute name', [file('/tmp/islet-evil')]],
  ['a symbolic link that climbs', [link('a', '../../evil')]],
  ['an absolute symbolic link', [link('a', '/etc/passwd')]],
  ['a file through a symbolic link that climbs', [link('a', '..'), file('a/evil')]],
  ['a chain of links that climbs', [link('a', '.'), link('a/b', '..'), file('a/b/evil')]],
  ['a hard link that climbs', [link('a', '../../../etc/passwd', 'link')]],
  ['a hard link through a symbolic link', [link('a', '/etc'), link('b', 'a/passwd', 'link')]],
  ['a device', [{ header: { name: 'null', size: 0, type: 'character-device' } }]],
  ['a pipe', [{ header: { name: 'pipe', size: 0, type: 'fifo' } }]],
  ['too many files', Array.from({ length: 11 }, (_, index) => file(`${index}`))],
  ['too many bytes', [file('a', 'x'.repeat(600)), file('b', 'x'.repeat(600))]],
])('refused: %s', async ([, entries]) => {
  await expect(unpacked(entries)).rejects.toThrow(BuildFailure);
  expect(existsSync('/tmp/islet-evil')).toBe(false);
});

test('refused: an archive that is cut short', async () => {
  const whole = await packTar([file('a', 'x'.repeat(900))]);
  await expect(unpacked([], Promise.resolve(whole.subarray(0, 1000)))).rejects.toThrow(BuildFailure);
});
