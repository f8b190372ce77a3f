import { expect, it } from 'vitest';
import { Trace } from './trace.ts';

it('names each app once in a while, before it runs', () => {
  const lines: string[] = [];
  const trace = new Trace((line) => lines.push(line), 'word');
  for (const app of ['a', 'a', 'b', 'a']) trace.entering(app);
  expect(lines).toEqual(['word ready', 'word a', 'word b']);
});
