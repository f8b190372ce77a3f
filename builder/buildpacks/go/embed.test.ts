import { expect, it } from 'vitest';
import { embedConfig } from './embed.ts';

const files = ['public/.hidden', 'public/a.css', 'public/deep/b.js', 'public/deep/_c.js', 'note.txt', 'v1.0.txt'];
const matching = (pattern: string) =>
  (JSON.parse(embedConfig('/app', [pattern], files)) as { Patterns: Record<string, string[]> }).Patterns[pattern];

it.each([
  ['note.txt', ['note.txt']],
  ['*.txt', ['note.txt', 'v1.0.txt']],
  ['v1.0.txt', ['v1.0.txt']],
  ['public', ['public/a.css', 'public/deep/b.js']],
  ['public/*', ['public/.hidden', 'public/a.css', 'public/deep/b.js']],
  ['all:public', ['public/.hidden', 'public/a.css', 'public/deep/b.js', 'public/deep/_c.js']],
  ['public/[a-c].css', ['public/a.css']],
  ['public/?.css', ['public/a.css']],
])('%s', (pattern, expected) => {
  expect(matching(pattern)).toEqual(expected);
});

it('says where each file is', () => {
  expect(JSON.parse(embedConfig('/app', ['note.txt'], ['note.txt']))).toEqual({
    Patterns: { 'note.txt': ['note.txt'] },
    Files: { 'note.txt': '/app/note.txt' },
  });
});
