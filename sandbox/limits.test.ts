import { afterEach, expect, test } from 'vitest';
import { createSandbox, type LimitError, type Limits, type Sandbox } from './index.ts';
import { files, runLine } from './testing.ts';

let sandbox: Sandbox | undefined;
afterEach(() => sandbox?.close());

/** What a line of shell is stopped with under limits. */
async function crossed(limits: Partial<Limits>, line: string): Promise<LimitError> {
  const made = await createSandbox({ limits: { wallMs: 30_000, ...limits } });
  sandbox = made;
  await made.writeEntries(files({ 'package.json': '{}' }));
  return runLine(made, line).then(
    ({ exit, stderr }) => expect.fail(`it ended by itself: ${JSON.stringify(exit)} ${stderr}`),
    (error: LimitError) => error,
  );
}

test('an endless loop', async () => {
  const error = await crossed({ wallMs: 500 }, 'node -e "for (;;);"');
  expect(error).toMatchObject({ name: 'LimitError', limit: 'wallMs', allowed: 500 });
  expect(error.message).toBe('A command took 0.5 s, and 0.5 s is the limit. To raise it, set the limit wallMs.');
});

test('a loop of the shell', async () => {
  expect(await crossed({ wallMs: 700 }, 'while true; do :; done')).toMatchObject({ limit: 'wallMs' });
});

test('endless output', async () => {
  const loop = `node -e "for (;;) console.log('x'.repeat(1000))"`;
  expect(await crossed({ outputBytes: 1 << 20 }, loop)).toMatchObject({ limit: 'outputBytes', allowed: 1 << 20 });
});

test('endless output from a program that catches all errors', async () => {
  const loop = `node -e "for (;;) try { process.stdout.write('x'.repeat(1000)) } catch {}"`;
  const error = await crossed({ outputBytes: 1 << 20, wallMs: 2000 }, loop);
  expect(['outputBytes', 'wallMs']).toContain(error.limit);
});

test.each([
  ['of JavaScript', 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length))'],
  ['of buffers', 'const all = []; for (;;) all.push(Buffer.alloc(16 << 20, 1))'],
  [
    'of wasm',
    'const memory = new WebAssembly.Memory({ initial: 1 }); for (;;) { memory.grow(256); new Uint8Array(memory.buffer).fill(1) }',
  ],
])('memory %s', async (_, source) => {
  const error = await crossed({ memoryMiB: 400 }, `node -e '${source}'`);
  expect(error).toMatchObject({ limit: 'memoryMiB', allowed: 400 });
  expect(error.used).toBeGreaterThan(400);
  // Looked at often enough that a build cannot take the host's memory in between.
  expect(error.used).toBeLessThan(2000);
});

test('a million files', async () => {
  const source = `const fs = require('fs'); for (let i = 0; i < 1e6; i++) fs.writeFileSync('f' + i, '')`;
  expect(await crossed({ files: 5000 }, `node -e "${source}"`)).toMatchObject({ limit: 'files', allowed: 5000 });
});

test('files that are made and removed again are not counted twice', async () => {
  sandbox = await createSandbox({ limits: { files: 200 } });
  await sandbox.writeEntries(files({ 'package.json': '{}' }));
  const source = `const fs = require('fs'); for (let i = 0; i < 2000; i++) { fs.writeFileSync('f', ''); fs.rmSync('f') }`;
  expect((await runLine(sandbox, `node -e "${source}"`)).exit.exitCode).toBe(0);
});

test('a full disk', async () => {
  const source = `const fs = require('fs'); for (;;) fs.appendFileSync('big', Buffer.alloc(1 << 20))`;
  const error = await crossed({ treeBytes: 32 << 20 }, `node -e "${source}"`);
  expect(error).toMatchObject({ limit: 'treeBytes', allowed: 32 << 20 });
});

test('a file made long without being written', async () => {
  const source = `const fs = require('fs'); fs.writeFileSync('a', ''); fs.truncateSync('a', 10 * 2 ** 30)`;
  expect(await crossed({ treeBytes: 64 << 20 }, `node -e "${source}"`)).toMatchObject({ limit: 'treeBytes' });
});

test('a zip bomb: what it unpacks to is counted', async () => {
  const source = `const z = require('zlib'), fs = require('fs'); const bomb = z.gzipSync(Buffer.alloc(8 << 20));
    for (let i = 0; ; i++) fs.writeFileSync('out' + i, z.gunzipSync(bomb))`;
  expect(await crossed({ treeBytes: 64 << 20 }, `node -e "${source}"`)).toMatchObject({ limit: 'treeBytes' });
});
