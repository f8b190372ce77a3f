import { expect, it } from 'vitest';
import { parsePython } from './python-arguments.ts';

it.each([
  [['manage.py', 'migrate', '-v', '2'], { kind: 'script', file: 'manage.py', args: ['migrate', '-v', '2'] }],
  [
    ['-u', '-W', 'ignore', '-m', 'flask', 'db', 'upgrade'],
    { kind: 'module', module: 'flask', args: ['db', 'upgrade'] },
  ],
  [['-Wignore', '-c', 'print(1)', 'x'], { kind: 'code', code: 'print(1)', args: ['x'] }],
])('python %j', (words, start) => {
  expect(parsePython(words)).toEqual({ start });
});

it.each([
  [['-c'], 'Argument expected for the -c option'],
  [['--what', 'a.py'], 'unknown option --what'],
])('refuses python %j', (words, refused) => {
  expect(parsePython(words)).toEqual({ refused });
});

it.each([[[]], [['-']], [['-u', '-']]])('reads the code for python %j', (words) => {
  expect(parsePython(words)).toEqual({ input: true });
});
