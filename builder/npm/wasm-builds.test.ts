import { expect, it } from 'vitest';
import type { LockEntry } from './lock.ts';
import { addBuild, ownBuilds, useWasmBuilds } from './wasm-builds.ts';

const use = (packages: Record<string, LockEntry>) => useWasmBuilds({ lockfileVersion: 3, packages }, '/app');

it('pins the WebAssembly build of a package in its place, wherever that is', () => {
  const native = {
    version: '0.25.1',
    integrity: 'sha512-x',
    resolved: 'https://r.example/e.tgz',
    hasInstallScript: true,
  };
  const { lock, replaced } = use({
    '': {},
    'node_modules/esbuild': native,
    'node_modules/a/node_modules/esbuild': { ...native, version: '0.21.5', dev: true },
    'node_modules/b': { version: '1.0.0', integrity: 'sha512-y' },
  });
  expect(lock.packages).toEqual({
    '': {},
    'node_modules/esbuild': { name: 'esbuild-wasm', version: '0.25.1' },
    'node_modules/a/node_modules/esbuild': { name: 'esbuild-wasm', version: '0.21.5', dev: true },
    'node_modules/b': { version: '1.0.0', integrity: 'sha512-y' },
  });
  expect(replaced).toEqual([
    { name: 'esbuild', version: '0.25.1', by: 'esbuild-wasm', dev: false },
    { name: 'esbuild', version: '0.21.5', by: 'esbuild-wasm', dev: true },
  ]);
});

it('replaces an alias by the name of the package itself', () => {
  const { lock } = use({ 'node_modules/bundler': { name: 'rollup', version: '4.40.0' } });
  expect(lock.packages['node_modules/bundler']).toEqual({ name: '@rollup/wasm-node', version: '4.40.0' });
});

it('takes the last version in JavaScript of a compiler that has become machine code', () => {
  const { lock, replaced } = use({
    'node_modules/typescript': { version: '7.0.2', integrity: 'sha512-x', dev: true },
    'node_modules/a/node_modules/typescript': { version: '5.9.3', integrity: 'sha512-y' },
  });
  expect(lock.packages).toEqual({
    'node_modules/typescript': { name: 'typescript', version: '6.0.3', dev: true },
    'node_modules/a/node_modules/typescript': { version: '5.9.3', integrity: 'sha512-y' },
  });
  expect(replaced).toEqual([{ name: 'typescript@7.0.2', version: '6.0.3', by: 'typescript', dev: true }]);
});

it('puts a package of its own in the place of what no build can take, and names what that runs on', () => {
  const { lock, replaced, substitutes } = use({
    'node_modules/@swc/core': { version: '1.15.11', dev: true },
    'node_modules/thread-stream': { version: '4.2.1' },
    'node_modules/swc': { link: true, resolved: 'swc' },
  });
  expect(Object.keys(lock.packages)).toEqual(['node_modules/swc']);
  expect(substitutes).toEqual([
    { name: '@swc/core', version: '1.15.11', place: 'node_modules/@swc/core', dev: true },
    { name: 'thread-stream', version: '4.2.1', place: 'node_modules/thread-stream', dev: false },
  ]);
  expect(replaced).toEqual([{ name: '@swc/core', version: '1.15.11', by: '@swc/wasm', dev: true }]);
});

it('leaves a workspace of that name alone', () => {
  const { lock, replaced } = use({ 'node_modules/rollup': { link: true, resolved: 'packages/rollup' } });
  expect(lock.packages['node_modules/rollup']).toEqual({ link: true, resolved: 'packages/rollup' });
  expect(replaced).toEqual([]);
});

it('adds the build for WebAssembly to a lock that was made for one platform, with what it depends on', () => {
  const oxide = {
    version: '4.1.0',
    dev: true,
    optionalDependencies: { '@tailwindcss/oxide-linux-x64-gnu': '4.1.0', '@tailwindcss/oxide-wasm32-wasi': '4.1.0' },
  };
  const { lock, missing } = use({ 'node_modules/@tailwindcss/oxide': oxide });
  const place = 'node_modules/@tailwindcss/oxide-wasm32-wasi';
  const name = '@tailwindcss/oxide-wasm32-wasi';
  expect(missing).toEqual([{ name, version: '4.1.0', place, dev: true, of: '@tailwindcss/oxide' }]);
  const [build] = missing;
  if (build === undefined) return;
  const packages = {
    '': {},
    [place]: { version: '4.1.0', integrity: 'sha512-x' },
    [`${place}/node_modules/a`]: { version: '1.0.0', inBundle: true },
    'node_modules/tslib': { version: '2.8.1' },
  };
  addBuild(lock, build, { lockfileVersion: 3, packages });
  const added = { dev: true, optional: true };
  expect(lock.packages).toEqual({
    'node_modules/@tailwindcss/oxide': oxide,
    [place]: { version: '4.1.0', integrity: 'sha512-x', ...added },
    [`${place}/node_modules/a`]: { version: '1.0.0', inBundle: true, ...added },
    [`${place}/node_modules/tslib`]: { version: '2.8.1', ...added },
  });
});

it('asks for builds that no list of dependencies names, of the version of their package', () => {
  const { missing } = use({
    'node_modules/a/node_modules/oxc-parser': { version: '0.159.0', dev: true },
    'node_modules/oxc-minify': { version: '0.150.0' },
    'node_modules/@oxc-minify/binding-wasm32-wasi': { version: '0.150.0', optional: true, cpu: ['wasm32'] },
  });
  const owner = 'node_modules/a/node_modules/oxc-parser';
  const name = '@oxc-parser/binding-wasm32-wasi';
  const place = `node_modules/a/node_modules/${name}`;
  expect(missing).toEqual([{ name, version: '0.159.0', place, dev: true, of: 'oxc-parser', owner }]);
});

it('puts the compiler of Next.js for WebAssembly beside it', () => {
  const { lock, replaced, environment } = use({ 'node_modules/next': { version: '16.4.6' } });
  expect(lock.packages['node_modules/@next/swc-wasm-nodejs']).toEqual({ version: '16.4.6' });
  expect(replaced).toEqual([{ name: '@next/swc', version: '16.4.6', by: '@next/swc-wasm-nodejs', dev: false }]);
  expect(environment).toMatchObject({ NEXT_TEST_WASM_DIR: '/app/node_modules/@next/swc-wasm-nodejs' });
});

it('names the builds that packages bring themselves, but for those of other machines', () => {
  const optional = { version: '2.0.0', optional: true };
  const packages = {
    'node_modules/a/node_modules/bundler': {
      version: '2.0.1',
      optionalDependencies: {
        '@bundler/wasm32-wasi': '2.0.0',
        '@bundler/freebsd-wasm32': '2.0.0',
        '@bundler/linux': '2.0.0',
      },
    },
    'node_modules/a/node_modules/@bundler/wasm32-wasi': { ...optional, cpu: ['wasm32'], dev: true },
    'node_modules/a/node_modules/@bundler/freebsd-wasm32': { ...optional, os: ['freebsd'] },
    'node_modules/@bundler/wasm32-wasi': { ...optional, version: '1.0.0' },
  };
  const own = { name: '@bundler/wasm32-wasi', version: '2.0.0', dev: true, of: 'bundler@2.0.1' };
  expect(ownBuilds({ lockfileVersion: 3, packages })).toEqual([own]);
});

it('lets sharp reach the machine, in the version that it has, without its own builds', () => {
  const { lock, substitutes, missing, replaced } = use({
    'node_modules/sharp': { version: '0.35.5', optionalDependencies: { '@img/sharp-webcontainers-wasm32': '0.35.5' } },
    'node_modules/a/node_modules/sharp': { version: '0.33.5', dev: true },
    'node_modules/a/node_modules/@img/sharp-wasm32': { version: '0.33.5', optional: true },
  });
  expect(Object.keys(lock.packages)).toEqual(['node_modules/sharp']);
  const binding = { name: '@img/sharp-wasm32', version: '0.35.5' };
  expect(substitutes).toEqual([
    { ...binding, place: 'node_modules/@img/sharp-wasm32', dev: false },
    { ...binding, place: 'node_modules/a/node_modules/@img/sharp-wasm32', dev: true },
  ]);
  const place = 'node_modules/a/node_modules/sharp';
  expect(missing).toEqual([{ name: 'sharp', version: '0.35.5', place, dev: true, of: 'sharp' }]);
  expect(replaced).toEqual([
    { name: 'sharp', version: '0.35.5', by: '@img/sharp-wasm32', dev: false },
    { name: 'sharp@0.33.5', version: '0.35.5', by: 'sharp', dev: true },
  ]);
  const [build] = missing;
  if (build === undefined) return;
  const entry = { version: '0.35.5' };
  addBuild(lock, build, {
    lockfileVersion: 3,
    packages: {
      '': {},
      'node_modules/sharp': entry,
      'node_modules/@img/colour': entry,
      'node_modules/@img/sharp-wasm32': entry,
      'node_modules/@img/sharp-wasm32/node_modules/@emnapi/runtime': entry,
    },
  });
  expect(Object.keys(lock.packages)).toEqual(['node_modules/sharp', place, `${place}/node_modules/@img/colour`]);
});

it('lets packages do without the machine code that only some of their commands need', () => {
  const { environment } = use({ 'node_modules/@prisma/engines': { version: '7.10.0' } });
  expect(environment).toEqual({ PRISMA_SCHEMA_ENGINE_BINARY: '/dev/null' });
});
