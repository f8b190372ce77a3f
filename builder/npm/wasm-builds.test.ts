import { expect, it } from 'vitest';
import type { LockEntry } from './lock.ts';
import { useWasmBuilds } from './wasm-builds.ts';

const use = (packages: Record<string, LockEntry>) => useWasmBuilds({ lockfileVersion: 3, packages });

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

it('leaves a workspace of that name alone', () => {
  const { lock, replaced } = use({ 'node_modules/rollup': { link: true, resolved: 'packages/rollup' } });
  expect(lock.packages['node_modules/rollup']).toEqual({ link: true, resolved: 'packages/rollup' });
  expect(replaced).toEqual([]);
});

it('adds the optional dependency for WebAssembly to a lock that was made for one platform', () => {
  const oxide = {
    version: '4.1.0',
    dev: true,
    optionalDependencies: { '@tailwindcss/oxide-linux-x64-gnu': '4.1.0', '@tailwindcss/oxide-wasm32-wasi': '4.1.0' },
  };
  const { lock } = use({ 'node_modules/@tailwindcss/oxide': oxide });
  expect(lock.packages['node_modules/@tailwindcss/oxide-wasm32-wasi']).toEqual({
    version: '4.1.0',
    optional: true,
    dev: true,
  });
});

it('puts the compiler of Next.js for WebAssembly beside it', () => {
  const { lock, replaced } = use({ 'node_modules/next': { version: '16.4.6' } });
  expect(lock.packages['node_modules/@next/swc-wasm-nodejs']).toEqual({ version: '16.4.6' });
  expect(replaced).toEqual([{ name: '@next/swc', version: '16.4.6', by: '@next/swc-wasm-nodejs', dev: false }]);
});
