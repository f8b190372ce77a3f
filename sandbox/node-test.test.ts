/** `node:test` and `node --test` in the machine. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from './index.ts';
import { files, runLine } from './testing.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox({ limits: { wallMs: 60_000 } });
  await sandbox.writeEntries(
    files({
      'package.json': '{"type":"module"}',
      'well/sum.test.ts': `
        import test from 'node:test';
        import assert from 'node:assert/strict';
        const sum = (a: number, b: number): number => a + b;
        test('adds', () => assert.equal(sum(1, 2), 3));`,
      'well/kinds.test.js': `
        import { after, before, beforeEach, describe, it, mock, test } from 'node:test';
        import assert from 'node:assert';
        const seen = [];
        before(() => seen.push('before'));
        beforeEach(() => seen.push('each'));
        after(() => console.log(seen.join(' ')));
        describe('suite', () => {
          before(() => seen.push('suite'));
          it('inner', () => seen.push('inner'));
          it.skip('left out', () => seen.push('never'));
          describe('deeper', () => { it('deep', () => { seen.push('deep'); }); });
        });
        test('with parts', async (t) => {
          await t.test('one', async () => { await new Promise((done) => setTimeout(done, 1)); seen.push('one'); });
          t.test('two', (t, done) => setTimeout(done, 1));
          t.diagnostic('noted');
        });
        test.todo('later', () => { throw new Error('not yet'); });
        test('mocks', () => {
          const object = { get: () => 1 };
          mock.method(object, 'get', () => 2);
          assert.equal(object.get('a'), 2);
          assert.deepEqual(object.get.mock.calls[0].arguments, ['a']);
          mock.restoreAll();
          assert.equal(object.get(), 1);
        });`,
      'ill/fails.mjs': `
        import test, { describe, it } from 'node:test';
        import assert from 'node:assert';
        describe('outer', () => { it('differs', () => assert.equal(1, 2)); it('agrees', () => {}); });
        test('slow', { timeout: 5 }, () => new Promise((done) => setTimeout(done, 500)));
        test('never ends', () => new Promise(() => {}));`,
      'ill/throws.js': 'throw new Error("at its top");',
    }),
  );
});
afterAll(() => sandbox?.close());

const untimed = (text: string) => text.replace(/ \([\d.]+ms\)|(?<=duration_ms )[\d.]+/g, '');

test('finds the test files and says what passed', async () => {
  const { exit, stdout, stderr } = await runLine(sandbox, 'cd well && node --test && echo on');
  expect(stderr).toBe('');
  expect(untimed(stdout)).toBe(
    [
      '▶ suite',
      '  ✔ inner',
      '  ﹣ left out # SKIP',
      '  ▶ deeper',
      '    ✔ deep',
      '  ✔ deeper',
      '✔ suite',
      '▶ with parts',
      '  ✔ one',
      '  ✔ two',
      '✔ with parts',
      'ℹ noted',
      '⚠ later # TODO',
      '✔ mocks',
      'before suite each inner each deep each each one each each each',
      '✔ adds',
      ...['ℹ tests 9', 'ℹ suites 2', 'ℹ pass 7', 'ℹ fail 0', 'ℹ cancelled 0', 'ℹ skipped 1', 'ℹ todo 1'],
      'ℹ duration_ms ',
      'on\n',
    ].join('\n'),
  );
  expect(exit.exitCode).toBe(0);
});

test('ends with 1 where a test fails, and says which', async () => {
  const { exit, stdout } = await runLine(sandbox, 'node ill/fails.mjs');
  expect(exit.exitCode).toBe(1);
  const text = untimed(stdout);
  expect(text).toContain('▶ outer\n  ✖ differs\n  ✔ agrees\n✖ outer\n✖ slow\n✖ never ends\n');
  expect(text).toContain('ℹ tests 4\nℹ suites 1\nℹ pass 1\nℹ fail 3\n');
  expect(text).toMatch(/✖ outer > differs\n {2}AssertionError/);
  expect(text).toContain('test timed out after 5ms');
  expect(text).toContain('Promise resolution is still pending');
});

test('a file that fails beside its tests is a test that fails', async () => {
  const { exit, stdout, stderr } = await runLine(sandbox, 'node --test ill/throws.js');
  expect(exit.exitCode).toBe(1);
  expect(stderr).toContain('at its top');
  expect(untimed(stdout)).toContain('✖ ill/throws.js\n');
  const missing = await runLine(sandbox, 'node --test nowhere.js');
  expect(missing).toMatchObject({ exit: { exitCode: 1 }, stderr: "Could not find 'nowhere.js'\n" });
});
