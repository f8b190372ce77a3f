import { expect, it } from 'vitest';
import { lockedName, packageSpecifier } from './specifier.ts';

it.each([
  ['npm:hono', { name: 'hono', range: '*', subpath: '', locked: 'npm:hono@*' }],
  ['npm:hono@^4.6/jsx/dom', { name: 'hono', range: '^4.6', subpath: '/jsx/dom', locked: 'npm:hono@^4.6' }],
  ['npm:/preact@10/hooks', { name: 'preact', range: '10', subpath: '/hooks', locked: 'npm:preact@10' }],
  ['npm:@scope/a@1/', { name: '@scope/a', range: '1', subpath: '', locked: 'npm:@scope/a@1' }],
  ['jsr:@std/path@1/posix', { name: '@jsr/std__path', range: '1', subpath: '/posix', locked: 'jsr:@std/path@1' }],
  ['jsr:path', undefined],
  ['https://example.com/a.ts', undefined],
])('reads %s', (text, expected) => {
  expect(packageSpecifier(text)).toEqual(expected);
});

it('tells what a lockfile calls a dependency', () => {
  expect(lockedName('hono', '^4')).toBe('npm:hono@^4');
  expect(lockedName('hono-3', 'npm:hono@3')).toBe('npm:hono@3');
  expect(lockedName('@jsr/std__path', '1')).toBe('jsr:@std/path@1');
});
