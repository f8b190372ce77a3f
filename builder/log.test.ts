import { expect, test } from 'vitest';
import { BuildLog } from './log.ts';

test('steps, details and warnings have their columns', () => {
  let text = '';
  const log = new BuildLog((chunk) => {
    text += chunk;
  });
  log.step('Build');
  log.detail('one', '');
  log.warn('', 'two');
  expect(text).toBe('-----> Build\n       one\n       \n !\n !     two\n');
});

test("a program's output is indented line by line, however it is cut", () => {
  let text = '';
  const out = new BuildLog((chunk) => {
    text += chunk;
  }).indented();
  for (const chunk of ['a\nb', 'c\n', '\nd']) out.write(chunk);
  expect(text).toBe('       a\n       bc\n       \n');
  out.end();
  expect(text.endsWith('       d\n')).toBe(true);
});
