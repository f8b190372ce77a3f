import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { hostDirectory, Root } from './mount.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'islet-mount-'));
  directories.push(directory);
  return directory;
}

function mounted(directory: string): Root {
  const root = new Root();
  root.put('/app', hostDirectory(directory));
  return root;
}

it('follows no link, to a file or to a directory', () => {
  const [outside, inside] = [scratch(), scratch()];
  writeFileSync(join(outside, 'secret'), 'of the host');
  symlinkSync(join(outside, 'secret'), join(inside, 'file'));
  symlinkSync(outside, join(inside, 'directory'));
  writeFileSync(join(inside, 'own'), 'of the app');
  const root = mounted(inside);
  expect(root.read('/app/file')).toBeUndefined();
  expect(root.read('/app/directory/secret')).toBeUndefined();
  expect(root.read(`/app/../${outside}/secret`)).toBeUndefined();
  root.own('/app/own');
  expect(String(Buffer.from(root.read('/app/own') ?? []))).toBe('of the app');
});

it('keeps what a program writes in memory', () => {
  const directory = scratch();
  writeFileSync(join(directory, 'own'), 'before');
  const root = mounted(directory);
  root.own('/app/own');
  const file = root.create_entry_for_path('app/made', false);
  expect(file.ret).toBe(0);
  expect(root.has('/app/made')).toBe(true);
  expect(readdirSync(directory)).toEqual(['own']);
  expect(readFileSync(join(directory, 'own'), 'utf8')).toBe('before');
});
