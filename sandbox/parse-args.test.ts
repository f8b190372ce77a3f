import { parseArgs as ofNode } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseArgs } from './guest/node/parse-args.ts';

type Config = NonNullable<Parameters<typeof ofNode>[0]>;

/** What a parser says of a command line, its errors included. */
function outcome(parse: (config: Config) => object, config: Config): object {
  try {
    return { ...parse(config) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code, message };
  }
}

test('is what Node makes of any command line', () => {
  const word = fc.constantFrom(
    ...['--', '-', '-a', '-b', '-s', '-x', '-ab', '-absx', '-sab', '-as', '--all', '--both', '--string', '--unknown'],
    ...[
      '--all=1',
      '--string=',
      '--string=x=y',
      '--list',
      '--list=1',
      '-l',
      '-l2',
      '--no-all',
      '--no-string',
      '--no-all=1',
    ],
    ...['word', '', '--=1', '-s=1', '---', '--no-unknown', '--__proto__'],
  );
  const options: NonNullable<Config['options']> = {
    all: { type: 'boolean', short: 'a' },
    both: { type: 'boolean', short: 'b', multiple: true },
    string: { type: 'string', short: 's', default: 'none' },
    list: { type: 'string', short: 'l', multiple: true, default: ['1', '2'] },
  };
  const settings = fc.record(
    { strict: fc.boolean(), allowPositionals: fc.boolean(), allowNegative: fc.boolean(), tokens: fc.boolean() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), settings, (args, settings) => {
      const config = { args, options, ...settings };
      expect(outcome(parseArgs as typeof ofNode, config)).toEqual(outcome(ofNode, config));
    }),
    { numRuns: 3000 },
  );
});
