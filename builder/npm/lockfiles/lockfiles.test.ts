import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Lock } from '../lock.ts';
import type { Manifest } from '../manifest.ts';
import { readBunLock } from './bun.ts';
import { hoist } from './hoist.ts';
import { readPnpmLock } from './pnpm.ts';
import { readYarnLock } from './yarn.ts';

const root: Manifest = {
  name: 'app',
  dependencies: { debug: '^4.3.0', ms: '2.0.0', a: '1.0.0' },
  devDependencies: { wrappy: '1.0.2' },
};
const workspace: Manifest = { name: 'a', version: '1.0.0', dependencies: { ms: '^2.1.0' } };
const manifests = (app: Manifest) =>
  new Map([
    ['', app],
    ['packages/a', workspace],
  ]);

const lockfiles: Record<string, { file: string; read: (text: string, app: Manifest) => Lock }> = {
  pnpm: { file: 'pnpm-lock.yaml', read: (text, app) => hoist(readPnpmLock(text, manifests(app))) },
  bun: { file: 'bun.lock', read: (text, app) => hoist(readBunLock(text, manifests(app))) },
  'Yarn 1': { file: 'yarn-1.lock', read: (text, app) => hoist(readYarnLock(text, manifests(app))) },
  'Yarn 4': { file: 'yarn-4.lock', read: (text, app) => hoist(readYarnLock(text, manifests(app))) },
};

test.for(Object.entries(lockfiles))('%s: the same places for the same app', ([name, { file, read }]) => {
  const { packages } = read(readFileSync(join(import.meta.dirname, 'fixtures', file), 'utf8'), root);
  expect(
    Object.entries(packages)
      .map(([place, { version, link, resolved, dev }]) => `${place}: ${link ? resolved : version}${dev ? ', dev' : ''}`)
      .sort(),
  ).toEqual([
    ': undefined',
    'node_modules/a: packages/a',
    'node_modules/debug/node_modules/ms: 2.1.3',
    'node_modules/debug: 4.4.3',
    'node_modules/ms: 2.0.0',
    'node_modules/wrappy: 1.0.2, dev',
    'packages/a/node_modules/ms: 2.1.3',
  ]);
  // Yarn 2 and newer hash an archive of their own making.
  const integrity = packages['node_modules/ms']?.integrity;
  if (name !== 'Yarn 4') expect(integrity).toMatch(/^sha512-Tpp60P6I/);
});

test.for(Object.entries(lockfiles))('%s: a package.json that it was not made for', ([, { file, read }]) => {
  const text = readFileSync(join(import.meta.dirname, 'fixtures', file), 'utf8');
  const changed = { ...root, dependencies: { ...root.dependencies, ms: '^1.0.0' } };
  expect(() => read(text, changed)).toThrow(/^package\.json and \S+ are not in sync\.$/);
});
