import { describe, expect, it } from 'vitest';
import { parseRuby } from './ruby-arguments.ts';

const none = { args: [], libraries: [], directories: [] };

describe('parseRuby', () => {
  it.each([
    [['app.rb', '-x', 'a'], { ...none, file: 'app.rb', args: ['-x', 'a'] }],
    [['-e', 'puts 1', '-e', 'puts 2', 'a', '-b'], { ...none, code: 'puts 1\nputs 2', args: ['a', '-b'] }],
    [['-e', 'puts 1', '--', '-b'], { ...none, code: 'puts 1', args: ['-b'] }],
    [
      ['-Ilib:test', '-rjson', '-w', 'app.rb'],
      { file: 'app.rb', args: [], libraries: ['json'], directories: ['lib', 'test'] },
    ],
    [['-I', 'lib', '-S', 'rake', '-T'], { ...none, directories: ['lib'], command: 'rake', args: ['-T'] }],
    [[], { input: true }],
    [['-', 'a'], { input: true }],
    [['-e'], { refused: 'no value for the option -e' }],
    [['-n', 'app.rb'], { refused: 'the option -n is not available here' }],
  ])('reads %j', (words, start) => {
    expect(parseRuby(words)).toEqual(start);
  });
});
