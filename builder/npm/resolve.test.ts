import { expect, test } from 'vitest';
import { runSlug, startBuilder } from '../testing.ts';

const outdated = {
  'package.json': '{"dependencies":{"ms":"2.1.2"}}',
  'package-lock.json': JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { ms: '2.0.0' } },
      'node_modules/ms': {
        version: '2.0.0',
        integrity: 'sha512-Tpp60P6IUJDTuOq/5Z8cdskzJujfwqfOTkrwIwj7IRISpnkJnT6SyJ4PCPnGMoFjC9ddhal5KVIYtAt97ix05A==',
      },
    },
  }),
  'index.js': 'globalThis.ms = require("ms/package.json").version;',
};

test('an outdated lockfile ends the build as npm ci does', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build(outdated);
  expect(result).toMatchObject({ reason: 'package.json and package-lock.json are not in sync.' });
  expect(output).toContain("npm error Invalid: lock file's ms@2.0.0 does not satisfy ms@2.1.2\n");
});

test('with USE_NPM_INSTALL it is brought up to date', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build(outdated, { USE_NPM_INSTALL: 'true' });
  if (slug === undefined) throw new Error(output);
  await runSlug(slug);
  expect(Reflect.get(globalThis, 'ms')).toBe('2.1.2');
});

test('overrides of package.json, without a lockfile', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"dependencies":{"debug":"4.4.3"},"overrides":{"ms":"2.1.2"}}',
    'index.js': 'require("debug"); globalThis.ms = require("ms/package.json").version;',
  });
  if (slug === undefined) throw new Error(output);
  await runSlug(slug);
  expect(Reflect.get(globalThis, 'ms')).toBe('2.1.2');
});

test.for(['["packages/*"', 'packages: {a: [}'])('a pnpm-workspace.yaml that is none: %s', async (text) => {
  const { build } = await startBuilder();
  const { result } = await build({ 'package.json': '{}', 'pnpm-workspace.yaml': text, 'index.js': '' });
  expect(result).toMatchObject({ reason: 'pnpm-workspace.yaml is not valid YAML.' });
});

test('a lockfile of one platform: the build for WebAssembly comes with what it needs, or one from before it', async () => {
  const { build } = await startBuilder();
  const optionalDependencies = {
    '@oxc-parser/binding-wasm32-wasi': '0.90.99',
    '@islet-no-such-scope/binding-wasm32-wasi': '1.0.0',
  };
  const { result, output } = await build({
    'package.json': JSON.stringify({
      dependencies: { 'oxc-parser': '0.90.0' },
      scripts: { build: 'ls node_modules/@oxc-parser/binding-wasm32-wasi node_modules/@oxc-parser/*/node_modules' },
    }),
    'package-lock.json': JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { 'oxc-parser': '0.90.0' } },
        'node_modules/oxc-parser': { version: '0.90.0', optionalDependencies },
      },
    }),
    'index.js': '',
  });
  expect(result.status, output).toBe('succeeded');
  expect(output).toMatch(/Using @oxc-parser\/binding-wasm32-wasi@0\.90\.\d+ for oxc-parser@0\.90\.0: native code does/);
  expect(output).toContain(
    'oxc-parser has native code, and the registry has no @islet-no-such-scope/binding-wasm32-wasi',
  );
  expect(output).toMatch(/ parser\.wasm32-wasi\.wasm\n/);
  expect(output).toMatch(/ @napi-rs\n/);
});

test('a directory of the app, without a lockfile', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"dependencies":{"own":"file:./libs/own"}}',
    'libs/own/package.json': '{"name":"own","version":"1.0.0","dependencies":{"ms":"2.1.2"}}',
    'libs/own/index.js': 'exports.ms = require("ms/package.json").version;',
    'index.js': 'globalThis.ms = require("own").ms;',
  });
  if (slug === undefined) throw new Error(output);
  await runSlug(slug);
  expect(Reflect.get(globalThis, 'ms')).toBe('2.1.2');
});

test.for(['file:../../etc', 'file:/etc', '../x', 'file:libs/../../x', 'file:libs/none'])(
  'a dependency on %s is refused',
  async (range) => {
    const { build } = await startBuilder();
    const dependencies = { own: range };
    const { result } = await build({ 'package.json': JSON.stringify({ dependencies }), 'index.js': '' });
    expect(result).toMatchObject({ reason: `own@${range} does not come from a registry.` });
  },
);

test('a directory of the app may not depend on one outside', async () => {
  const { build } = await startBuilder();
  const { result } = await build({
    'package.json': '{"dependencies":{"own":"file:libs/own"}}',
    'libs/own/package.json': '{"name":"own","version":"1.0.0","dependencies":{"passwd":"file:../../../../etc"}}',
    'index.js': '',
  });
  expect(result).toMatchObject({ reason: 'passwd@file:../../../../etc does not come from a registry.' });
});
