import { expect, test } from 'vitest';
import { readDenoLock } from './deno.ts';
import { hoist } from './hoist.ts';

const lock = {
  version: '5',
  specifiers: {
    'jsr:@std/path@1': '1.1.2',
    'jsr:@std/internal@^1.0.10': '1.0.10',
    'npm:preact-render-to-string@6': '6.8.2_preact@10.29.8',
    'npm:preact@10': '10.29.8',
    'npm:debug@4.3': '4.3.7',
    'npm:ms@2.0.0': '2.0.0',
  },
  jsr: {
    '@std/internal@1.0.10': { integrity: 'e3' },
    '@std/path@1.1.2': { integrity: 'c0', dependencies: ['jsr:@std/internal'] },
  },
  npm: {
    'debug@4.3.7': { integrity: 'sha512-a', dependencies: ['ms@2.1.3'] },
    'ms@2.0.0': { integrity: 'sha512-b' },
    'ms@2.1.3': { integrity: 'sha512-c' },
    'preact-render-to-string@6.8.2_preact@10.29.8': { integrity: 'sha512-d', dependencies: ['preact'] },
    'preact@10.29.8': { integrity: 'sha512-e', optionalDependencies: ['string-width-cjs@npm:ms@2.0.0'] },
  },
};

const dependencies = {
  '@jsr/std__path': '1',
  'preact-render-to-string': '6',
  // Deno writes `^10` as `10`.
  preact: '^10',
  debug: '4.3',
  old: 'npm:ms@2.0.0',
};

test('deno.lock: packages of npm and JSR, peers and aliases', () => {
  const { packages } = hoist(readDenoLock(JSON.stringify(lock), new Map([['', { dependencies }]])));
  const places = Object.entries(packages).map(([place, { name, version, integrity = '' }]) => [
    place,
    `${name}@${version} ${integrity}`,
  ]);
  expect(Object.fromEntries(places.filter(([place]) => place !== ''))).toEqual({
    'node_modules/@jsr/std__internal': '@jsr/std__internal@1.0.10 ',
    'node_modules/@jsr/std__path': '@jsr/std__path@1.1.2 ',
    'node_modules/debug': 'debug@4.3.7 sha512-a',
    'node_modules/ms': 'ms@2.1.3 sha512-c',
    'node_modules/old': 'ms@2.0.0 sha512-b',
    'node_modules/preact': 'preact@10.29.8 sha512-e',
    'node_modules/preact-render-to-string': 'preact-render-to-string@6.8.2 sha512-d',
    'node_modules/string-width-cjs': 'ms@2.0.0 sha512-b',
  });
});

test.for([
  ['{', 'deno.lock is not valid JSON.'],
  ['{"version":"3"}', 'deno.lock is damaged, or not of version 4 or 5.'],
  ['{"version":"5"}', 'deno.lock does not have jsr:@std/path@1.'],
])('deno.lock: %s', ([text, message]) => {
  expect(() => readDenoLock(text ?? '', new Map([['', { dependencies }]]))).toThrow(message);
});
