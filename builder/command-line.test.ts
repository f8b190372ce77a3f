import { expect, test } from 'vitest';
import { parseCommandLine } from './command-line.ts';

test.for<[string, string[]]>([
  ['node server.js', ['node', 'server.js']],
  ['  node   "a b.js"  ', ['node', 'a b.js']],
  [`node 'it'"'"'s' a\\ b`, ['node', "it's", 'a b']],
  ['node a.js ""', ['node', 'a.js', '']],
  ['node a.js --port $PORT', ['node', 'a.js', '--port', '$PORT']],
])('%s', ([command, words]) => {
  expect(parseCommandLine(command)).toEqual({ environment: {}, words });
});

test('assignments before the program', () => {
  expect(parseCommandLine('A=1 B="x y" node a.js C=3')).toEqual({
    environment: { A: '1', B: 'x y' },
    words: ['node', 'a.js', 'C=3'],
  });
});

test.for(['a && b', 'a | b', 'a; b', 'a > b', 'node $(ls)', 'node `ls`', 'node "open', '(a)', 'a &'])(
  'only a shell can run: %s',
  (command) => {
    expect(parseCommandLine(command)).toBeUndefined();
  },
);
