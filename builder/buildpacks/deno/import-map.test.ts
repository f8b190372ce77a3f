import { expect, it } from 'vitest';
import { mapped } from './import-map.ts';

const map = {
  imports: {
    hono: 'npm:hono@^4',
    '@std/path': 'jsr:@std/path@1',
    '$lib/': './src/lib/',
    '$lib/special.ts': './special.ts',
    './old.ts': './new.ts',
    remote: 'https://example.com/mod.ts',
  },
  scopes: { './vendor/': { hono: 'npm:hono@3' }, 'https://example.com/': { dep: 'npm:dep@1' } },
};

it.each([
  ['hono', 'file:///main.ts', 'npm:hono@^4'],
  ['hono/jsx', 'file:///main.ts', 'npm:hono@^4/jsx'],
  ['hono', 'file:///vendor/a.ts', 'npm:hono@3'],
  ['@std/path/posix', 'file:///main.ts', 'jsr:@std/path@1/posix'],
  ['$lib/a/b.ts', 'file:///main.ts', 'file:///src/lib/a/b.ts'],
  ['$lib/special.ts', 'file:///main.ts', 'file:///special.ts'],
  ['file:///old.ts', 'file:///main.ts', 'file:///new.ts'],
  ['remote', 'file:///main.ts', 'https://example.com/mod.ts'],
  ['dep', 'https://example.com/mod.ts', 'npm:dep@1'],
  ['dep', 'file:///main.ts', undefined],
  ['honolulu', 'file:///main.ts', undefined],
])('maps %s in %s', (specifier, importer, expected) => {
  expect(mapped(specifier, importer, map)).toBe(expected);
});
