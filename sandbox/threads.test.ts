/** Threads of WebAssembly in the machine, which has one of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rewriteThreads } from './guest/wasm/rewrite.ts';
import { createSandbox, type Sandbox } from './index.ts';
import { files, runLine } from './testing.ts';

/** A section: its number, its length in LEB128 of two bytes, and what is in it. */
const section = (id: number, ...content: number[]) => [
  id,
  (content.length & 0x7f) | 0x80,
  content.length >> 7,
  ...content,
];
const text = (value: string) => [value.length, ...Buffer.from(value)];
const body = (...code: number[]) => [code.length + 2, 0, ...code, 0x0b];

const load = (offset: number) => [0x41, 0, 0xfe, 0x10, 2, offset];
const store = (offset: number, value: number) => [0x41, 0, 0x41, value, 0xfe, 0x17, 2, offset];
const notify = (offset: number) => [0x41, 0, 0x41, 1, 0xfe, 0x00, 2, offset, 0x1a];
/** Waits without end while there is 0. */
const wait = (offset: number) => [0x41, 0, 0x41, 0, 0x42, 0x7f, 0xfe, 0x01, 2, offset, 0x1a];
const spawn = (argument: number) => [0x41, argument, 0x10, 0, 0x1a];

/**
 * A program whose threads hand a word of memory on: the first waits for 4 to be set, and then sets 8 and notifies; the
 * second sets 4 and notifies. `start` starts both; `both` starts both, and waits on the main thread for 8. `helped`
 * starts the second, and waits for 4.
 */
const program = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, 3, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 0, 1, 0x7f),
  ...section(2, 2, ...text('wasi'), ...text('thread-spawn'), 0, 0, ...text('env'), ...text('memory'), 2, 3, 1, 1),
  ...section(3, 4, 1, 2, 2, 2),
  ...section(4, 1, 0x70, 1, 1, 1),
  ...section(
    7,
    5,
    ...[...text('table'), 1, 0, ...text('wasi_thread_start'), 0, 1],
    ...[...text('start'), 0, 2, ...text('both'), 0, 3, ...text('helped'), 0, 4],
  ),
  ...section(
    10,
    4,
    ...body(
      ...[0x20, 1, 0x04, 0x40],
      ...[...wait(4), ...load(4), 0x1a, ...store(8, 42), ...notify(8)],
      ...[0x05, ...store(4, 1), ...notify(4), 0x0b],
    ),
    ...body(...spawn(1), ...spawn(0), ...load(8)),
    ...body(...spawn(1), ...spawn(0), ...wait(8), ...load(8)),
    ...body(...spawn(0), ...wait(4), ...load(4)),
  ),
]);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox({ limits: { wallMs: 60_000 } });
  await sandbox.writeEntries(
    files({
      'threads.cjs': `
        const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
        const view = new Int32Array(memory.buffer);
        const compiled = new WebAssembly.Module(Buffer.from('${Buffer.from(program).toString('base64')}', 'base64'));
        const imports = { env: { memory }, wasi: { 'thread-spawn': () => -1 } };
        module.exports = { view, ...new WebAssembly.Instance(compiled, imports).exports };`,
      'turns.cjs': `
        const program = require('./threads.cjs');
        console.log(program.start());
        setTimeout(() => console.log(program.view[2]), 20);`,
      'alone.cjs': `
        const program = require('./threads.cjs');
        try { console.log(program.both()); } catch (error) { console.log(error.message); }`,
      'helped.cjs': `console.log(require('./threads.cjs').helped())`,
    }),
  );
});
afterAll(() => sandbox?.close());

test('take turns: one waits until another notifies it', async () => {
  expect(await runLine(sandbox, 'node turns.cjs')).toMatchObject({ stdout: '0\n42\n', stderr: '' });
});

test('do the work for a main thread that waits, and one that has begun cannot', async () => {
  expect((await runLine(sandbox, 'node helped.cjs')).stdout).toBe('1\n');
  // The first thread is suspended, and only a later turn could resume it.
  expect((await runLine(sandbox, 'node alone.cjs')).stdout).toContain('which cannot run meanwhile');
});

test('modules without threads stay as they are', () => {
  expect(rewriteThreads(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))).toBeUndefined();
});

test('a module that is cut short is refused', () => {
  expect(() => rewriteThreads(program.slice(0, -3))).toThrow(SyntaxError);
});
