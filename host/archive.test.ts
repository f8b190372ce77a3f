import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readArchive, writeArchive } from './archive.ts';

let directory: string;
const inside = (name: string) => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'islet-archive-'));
  mkdirSync(inside('out'));
});

afterEach(() => rmSync(directory, { recursive: true }));

async function archiveOf(files: Record<string, string>): Promise<string> {
  const sources = Object.entries(files).map(([name, text], i) => {
    writeFileSync(inside(`source-${i}`), text);
    return [name, inside(`source-${i}`)] as const;
  });
  await writeArchive(inside('backup.tar.gz'), new Map(sources));
  return inside('backup.tar.gz');
}

it('brings back every byte, of empty files and long names too', async () => {
  const long = `storage/${'a/'.repeat(60)}${'b'.repeat(120)}.sqlite`;
  const files = { [long]: 'x'.repeat(100_000), 'storage/empty': '', 'secret-key': 'key\n' };
  const { files: named } = await readArchive(await archiveOf(files), inside('out'));
  expect(Object.keys(named)).toEqual(Object.keys(files));
  for (const [name, text] of Object.entries(files)) expect(readFileSync(inside(`out/${name}`), 'utf8')).toBe(text);
});

it('refuses one without a manifest', async () => {
  const { packTar } = await import('modern-tar/fs');
  const { gzipSync } = await import('node:zlib');
  const tar = Buffer.concat(await packTar([{ type: 'content', target: 'a', content: 'b' }]).toArray());
  writeFileSync(inside('other.tar.gz'), gzipSync(tar));
  await expect(readArchive(inside('other.tar.gz'), inside('out'))).rejects.toThrow('is no backup of Islet');
});
