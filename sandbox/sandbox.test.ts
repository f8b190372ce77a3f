import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { applyChanges, createSandbox, type Sandbox, type SandboxOptions, warmMachine } from './index.ts';
import { files, runLine } from './testing.ts';

let sandbox: Sandbox | undefined;
let stopWarming: () => Promise<void>;

async function machine(tree: Record<string, string | Uint8Array> = {}, options: SandboxOptions = {}): Promise<Sandbox> {
  sandbox = await createSandbox(options);
  await sandbox.writeEntries(files(tree));
  return sandbox;
}

beforeAll(() => {
  stopWarming = warmMachine();
});
afterEach(() => sandbox?.close());
afterAll(() => stopWarming());

describe('a build', () => {
  test('runs a package script with its packages and gives back what it made', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sandbox-test-'));
    const made = await machine({
      'package.json': JSON.stringify({
        name: 'site',
        version: '1.2.3',
        scripts: { prebuild: 'echo before', build: 'node build.js && node more.mjs', postbuild: 'rm old.txt' },
      }),
      'build.js': `const { join } = require('node:path'); const fs = require('fs'); const shout = require('shout');
        fs.mkdirSync('dist'); fs.writeFileSync(join('dist', 'a.txt'), shout(process.env.npm_package_version));`,
      'more.mjs': `import shout, { name } from 'shout'; import { writeFile } from 'node:fs/promises';
        await writeFile('dist/b.txt', shout(name)); console.log('made', import.meta.filename);`,
      'old.txt': 'old',
      'node_modules/shout/package.json': JSON.stringify({
        name: 'shout',
        exports: { require: './index.cjs', import: './index.mjs' },
      }),
      'node_modules/shout/index.cjs': `module.exports = (text) => text + '!';`,
      'node_modules/shout/index.mjs': `export const name = 'esm'; export default (text) => text + '?';`,
    });
    const { exit, stdout } = await runLine(made, 'npm run build');
    expect(exit).toEqual({ exitCode: 0, signal: null });
    expect(stdout).toContain('before\n');
    expect(stdout).toContain('made /app/more.mjs\n');

    const changes = await made.exportChanges('/app');
    expect(changes.map(({ type, path }) => `${type} ${path}`).sort()).toEqual([
      'deleted old.txt',
      'directory dist',
      'file dist/a.txt',
      'file dist/b.txt',
    ]);
    await applyChanges(changes, directory);
    expect(await readFile(join(directory, 'dist/a.txt'), 'utf8')).toBe('1.2.3!');
    expect(await readFile(join(directory, 'dist/b.txt'), 'utf8')).toBe('esm?');
    await rm(directory, { recursive: true });
  });

  test('fails with the exit code and the stack of an error', async () => {
    const made = await machine({ 'a.js': `\nthrow new TypeError('broken');` });
    const { exit, stderr } = await runLine(made, 'node a.js');
    expect(exit.exitCode).toBe(1);
    expect(stderr).toContain('TypeError: broken');
    expect(stderr).toContain('/app/a.js:2');
    expect(stderr).not.toContain('guest.js');
  });
});
