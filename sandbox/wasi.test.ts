import { afterEach, describe, expect, test } from 'vitest';
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

describe('a hostile program', () => {
  /** A module whose `_start` is this code, with a memory of one page. */
  const program = (code: number[]): Uint8Array =>
    Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...[1, 4, 1, 0x60, 0, 0],
      ...[3, 2, 1, 0],
      ...[5, 3, 1, 0, 1],
      ...[7, 19, 2, 6, ...Buffer.from('memory'), 2, 0, 6, ...Buffer.from('_start'), 0, 0],
      ...[10, code.length + 4, 1, code.length + 2, 0, ...code, 0x0b],
    ]);
  const loop = (code: number[]): number[] => [0x03, 0x40, ...code, 0x0c, 0, 0x0b];
  const endless = program(loop([]));
  /** Grows the memory by 16 MiB and fills all of it. */
  const hungry = program(
    loop([...[0x41, 0x80, 2, 0x40, 0, 0x1a], ...[0x41, 0, 0x41, 1, 0x3f, 0, 0x41, 0x80, 0x80, 4, 0x6c, 0xfc, 0x0b, 0]]),
  );

  test('that loops is killed at the limit of time', async () => {
    sandbox = await createSandbox({ limits: { wallMs: 2000 } });
    await sandbox.writeEntries(files({ endless }));
    await expect(runLine(sandbox, './endless')).rejects.toMatchObject({ limit: 'wallMs' });
  });

  test('that takes memory is killed at the limit of memory', async () => {
    sandbox = await createSandbox({ limits: { wallMs: 30_000, memoryMiB: 700 } });
    await sandbox.writeEntries(files({ hungry }));
    await expect(runLine(sandbox, './hungry')).rejects.toMatchObject({ limit: 'memoryMiB' });
  });

  test('ends with its command, and the next one runs', async () => {
    sandbox = await createSandbox();
    const greet = wasiProgram({ output: 'here\n', file: 'made', exitCode: 0 });
    await sandbox.writeEntries(files({ endless, greet }));
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 1000);
    const { exit } = await runLine(sandbox, './endless', { signal: abort.signal });
    expect(exit).toEqual({ exitCode: null, signal: 'SIGTERM' });
    expect((await runLine(sandbox, './greet')).stdout).toBe('here\n');
  });
});
