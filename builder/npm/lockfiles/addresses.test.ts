import { expect, test } from 'vitest';
import type { Manifest } from '../manifest.ts';
import { readBunLock } from './bun.ts';
import { hoist } from './hoist.ts';
import { readPnpmLock } from './pnpm.ts';
import { readYarnLock } from './yarn.ts';

const commit = 'c'.repeat(40);
const manifests = (dependencies: Record<string, string>, more: Manifest = {}) =>
  new Map<string, Manifest>([['', { name: 'app', dependencies, ...more }]]);

test('Yarn 1: a commit, an archive, a directory', () => {
  const text = `# yarn lockfile v1

"a@github:o/a":
  version "1.0.0"
  resolved "git+ssh://git@github.com/o/a.git#${commit}"

"b@https://example.com/b.tgz":
  version "1.0.0"
  resolved "https://example.com/b.tgz#aaaa"

"c@file:./libs/c":
  version "1.0.0"
  dependencies:
    ms "^2.1.0"

ms@^2.1.0:
  version "2.1.3"
`;
  const wanted = { a: 'github:o/a', b: 'https://example.com/b.tgz', c: 'file:./libs/c' };
  expect(hoist(readYarnLock(text, manifests(wanted))).packages).toMatchObject({
    'node_modules/a': { version: '1.0.0', resolved: `git+ssh://git@github.com/o/a.git#${commit}` },
    'node_modules/b': { version: '1.0.0', resolved: 'https://example.com/b.tgz' },
    'node_modules/c': { link: true, resolved: 'libs/c' },
    'node_modules/ms': { version: '2.1.3' },
  });
});

const berry = (entries: string) => `__metadata:\n  version: 8\n\n${entries}`;

test('Yarn 2 and newer: a commit, a directory, resolutions', () => {
  const text = berry(`
"a@https://example.com/a.git":
  version: 1.0.0
  resolution: "a@https://example.com/a.git#commit=${commit}"

"c@portal:./libs/c::locator=app%40workspace%3A.":
  version: 0.0.0-use.local
  resolution: "c@portal:./libs/c::locator=app%40workspace%3A."
  dependencies:
    ms: "npm:^2.1.0"

"ms@npm:2.1.2":
  version: 2.1.2
  resolution: "ms@npm:2.1.2"
`);
  const wanted = { a: 'https://example.com/a.git', c: 'portal:./libs/c' };
  const { packages } = hoist(readYarnLock(text, manifests(wanted, { resolutions: { 'c/ms': '2.1.2' } })));
  expect(packages).toMatchObject({
    'node_modules/a': { resolved: `https://example.com/a.git#commit=${commit}` },
    'node_modules/c': { link: true, resolved: 'libs/c' },
    'node_modules/ms': { version: '2.1.2' },
  });
});

test("Yarn's own patches are left out, others are refused", () => {
  const patched = (reference: string) =>
    berry(`
"ms@patch:ms@npm%3A^2.1.0#${reference}":
  version: 2.1.3
  resolution: "ms@patch:ms@npm%3A2.1.3#${reference}::version=2.1.3&hash=abc"
`);
  const read = (reference: string) =>
    hoist(readYarnLock(patched(reference), manifests({ ms: `patch:ms@npm%3A^2.1.0#${reference}` })));
  expect(read('optional!builtin<compat/ms>').packages['node_modules/ms']).toMatchObject({
    name: 'ms',
    version: '2.1.3',
  });
  expect(() => read('~/.yarn/patches/ms.patch')).toThrow(
    'yarn.lock asks for a patch of ms, which is not applied here.',
  );
});

test('pnpm: a commit, an archive, a directory, an override', () => {
  const text = `lockfileVersion: '9.0'
overrides:
  ms: 2.1.2
importers:
  .:
    dependencies:
      a: {specifier: github:o/a, version: https://example.com/o/a/tar.gz/${commit}}
      b: {specifier: git+https://example.com/b.git, version: git+https://example.com/b.git#${commit}}
      c: {specifier: file:libs/c, version: file:libs/c}
      ms: {specifier: 2.1.2, version: 2.1.2}
packages:
  a@https://example.com/o/a/tar.gz/${commit}:
    resolution: {tarball: https://example.com/o/a/tar.gz/${commit}}
    version: 1.0.0
  b@git+https://example.com/b.git#${commit}:
    resolution: {repo: https://example.com/b.git, commit: ${commit}, type: git}
    version: 1.0.0
  c@file:libs/c:
    resolution: {directory: libs/c, type: directory}
  ms@2.1.2:
    resolution: {integrity: sha512-x}
snapshots:
  a@https://example.com/o/a/tar.gz/${commit}: {}
  b@git+https://example.com/b.git#${commit}: {}
  c@file:libs/c:
    dependencies:
      ms: 2.1.2
  ms@2.1.2: {}
`;
  const wanted = { a: 'github:o/a', b: 'git+https://example.com/b.git', c: 'file:libs/c', ms: '^2.1.0' };
  expect(hoist(readPnpmLock(text, manifests(wanted))).packages).toMatchObject({
    'node_modules/a': { version: '1.0.0', resolved: `https://example.com/o/a/tar.gz/${commit}` },
    'node_modules/b': { version: '1.0.0', resolved: `git+https://example.com/b.git#${commit}` },
    'node_modules/c': { link: true, resolved: 'libs/c' },
    'node_modules/ms': { version: '2.1.2' },
  });
});

test('Bun: a commit, an archive, a directory', () => {
  const text = `{
  "lockfileVersion": 1,
  "workspaces": { "": { "name": "app", "dependencies": { "a": "x", "b": "y", "c": "file:libs/c" } } },
  "packages": {
    "a": ["a@git+https://example.com/a.git#${commit}", {}, "${commit}"],
    "b": ["b@https://example.com/b.tgz", { "dependencies": { "ms": "^2.1.0" } }],
    "c": ["c@file:libs/c", { "dependencies": { "ms": "^2.1.0" } }],
    "ms": ["ms@2.1.3", "", {}, "sha512-x"],
  }
}`;
  const { packages } = hoist(readBunLock(text, manifests({ a: 'x', b: 'y', c: 'file:libs/c' })));
  expect(packages).toMatchObject({
    'node_modules/a': { resolved: `git+https://example.com/a.git#${commit}` },
    'node_modules/b': { resolved: 'https://example.com/b.tgz' },
    'node_modules/c': { link: true, resolved: 'libs/c' },
    'node_modules/ms': { version: '2.1.3' },
  });
});

test.for([
  ['pnpm-lock.yaml', (text: string, all: Map<string, Manifest>) => readPnpmLock(text, all)],
  ['bun.lock', (text: string, all: Map<string, Manifest>) => readBunLock(text, all)],
] as const)('%s that does not fit a workspace', ([lockfile, read]) => {
  const all = manifests({}).set('packages/a', { name: 'a', dependencies: { ms: '^2.1.0' } });
  const text =
    lockfile === 'bun.lock'
      ? '{"lockfileVersion":1,"workspaces":{"":{"name":"app"},"packages/a":{"name":"a"}}}'
      : "lockfileVersion: '9.0'\nimporters: {.: {}, packages/a: {}}";
  expect(() => read(text, all)).toThrow(`package.json and ${lockfile} are not in sync.`);
});
