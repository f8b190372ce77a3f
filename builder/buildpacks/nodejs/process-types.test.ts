import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../testing.ts';
import { findProcessTypes } from './process-types.ts';

const find = async (file: string, scripts: Record<string, string>) => {
  const tree = temporaryDirectory();
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), '');
  return findProcessTypes(tree, { scripts }, {});
};

test.for([
  ['dist/shop/browser/index.html', 'ng serve', 'dist/shop/browser'],
  ['dist/index.html', 'vite', 'dist'],
  ['build/index.html', 'react-scripts start', 'build'],
  ['out/index.html', 'next start', 'out'],
] as const)('a site in the place of a server for development: %s, %s', async ([file, start, site]) => {
  expect(await find(file, { build: 'x', start })).toMatchObject({ site });
});

test.for([
  ['dist/index.html', { start: 'vite' }],
  ['dist/index.html', { build: 'x', start: 'node server.js' }],
  ['dist/index.html', { build: 'x', start: 'viteness' }],
  ['src/main.js', { build: 'x', start: 'ng serve' }],
] as const)('whatever else is started: %s, %o', async ([file, scripts]) => {
  expect(await find(file, scripts)).toEqual({ declared: {}, defaults: { web: 'npm start' } });
});
