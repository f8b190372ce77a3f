import { expect, it } from 'vitest';
import { checkAppName, randomAppName } from './app-name.ts';

it.each(['abc', 'a-1', 'my-shop-2', 'a'.repeat(30)])('takes %s', (name) => {
  expect(() => checkAppName(name)).not.toThrow();
});

it.each([
  ['ab', /too short/],
  ['a'.repeat(31), /too long/],
  ['1abc', /start with a letter/],
  ['abc-', /end with a letter or digit/],
  ['aBc', /lowercase/],
  ['a.b', /lowercase/],
  ['api', /reserved/],
])('refuses %s', (name, message) => {
  expect(() => checkAppName(name)).toThrow(message);
});

it('makes up names that it would take', () => {
  for (let i = 0; i < 200; i++) checkAppName(randomAppName());
});
