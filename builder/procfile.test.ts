import { expect, test } from 'vitest';
import { parseProcfile } from './procfile.ts';

test('a line is a type and a command', () => {
  expect(parseProcfile('web: node server.js\nworker-1:   node "a b.js"  \r\nrelease: a: b\n')).toEqual({
    web: 'node server.js',
    'worker-1': 'node "a b.js"',
    release: 'a: b',
  });
});

test('other lines do not count, and the last of a type does', () => {
  expect(parseProcfile('# web: a\n\nweb:\n web: b\nweb: c\nweb: d')).toEqual({ web: 'd' });
});
