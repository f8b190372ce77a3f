import { afterEach, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from './index.ts';
import { files, runLine, wasiProgram } from './testing.ts';

let sandbox: Sandbox | undefined;
afterEach(() => sandbox?.close());

test('a WASI program joins as one file of the tree: output, exit code and files come back', async () => {
  sandbox = await createSandbox();
  await sandbox.writeEntries(
    files({ 'bin/greet': wasiProgram({ output: 'hello from wasm\n', file: 'made.txt', exitCode: 0 }) }),
  );
  const { exit, stdout, stderr } = await runLine(sandbox, './bin/greet && cat made.txt | wc -c');
  expect({ exit, stderr }).toEqual({ exit: { exitCode: 0, signal: null }, stderr: '' });
  expect(stdout).toBe('hello from wasm\n16\n');
});

test('its exit code is the command’s', async () => {
  sandbox = await createSandbox();
  await sandbox.writeEntries(files({ fail: wasiProgram({ output: '', file: 'x', exitCode: 7 }) }));
  const { exit } = await runLine(sandbox, './fail');
  expect(exit.exitCode).toBe(7);
});
