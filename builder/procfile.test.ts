import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseProcfile, readProcfile } from './procfile.ts';

test('a line is a type and a command', () => {
  expect(parseProcfile('web: node server.js\nworker-1:   node "a b.js"  \r\nrelease: a: b\n')).toEqual({
    web: 'node server.js',
    'worker-1': 'node "a b.js"',
    release: 'a: b',
  });
});

test('other lines do not count, and the last of a type does', () => {
  expect(parseProcfile('# web: a\n\nweb:\n web: b\nweb: c\nweb: d')).toEqual({ web: 'd' });
});

test('an app has a hundred process types at most', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'islet-procfile-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `type${i}: node a.js\n`).join('');
  await writeFile(join(directory, 'Procfile'), lines(100));
  expect(Object.keys(await readProcfile(directory))).toHaveLength(100);
  await writeFile(join(directory, 'Procfile'), lines(101));
  await expect(readProcfile(directory)).rejects.toThrow('The Procfile has 101 process types, and an app may have 100.');
});
