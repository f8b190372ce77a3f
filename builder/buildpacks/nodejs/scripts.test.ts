import { readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { runSlug, startBuilder } from '../../testing.ts';

test('a TypeScript app is compiled by tsc, and the compiler is pruned', async () => {
  const { build } = await startBuilder();
  const { slug, output, result } = await build(
    {
      'package.json': JSON.stringify({
        name: 'typed',
        version: '1.0.0',
        scripts: { build: 'tsc', start: 'node dist/server.js' },
        dependencies: { ms: '2.1.3' },
        devDependencies: { typescript: '5.9.2' },
      }),
      'tsconfig.json': '{"compilerOptions":{"outDir":"dist","rootDir":"src","module":"commonjs","target":"es2022"}}',
      'src/server.ts':
        'declare const __dirname: string; const made: string = __dirname; (globalThis as any).compiled = made;',
    },
    { GREETING: 'hello' },
  );
  expect(result.status, output).toBe('succeeded');
  expect(output).toContain('-----> Build\n       Running build\n       \n       > typed@1.0.0 build\n       > tsc\n');
  expect(output).toContain('-----> Pruning devDependencies\n       removed 1 package\n');
  if (slug === undefined) return;
  expect(slug.entries.has('files/dist/server.js')).toBe(true);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ compiled: expect.stringMatching(/\/dist$/) });
});

test('the steps run in their order, on the same tree, with the config vars and nothing of this host', async () => {
  process.env.ISLET_TEST_SECRET = 'leak';
  const { build } = await startBuilder();
  const scripts = {
    'heroku-prebuild': 'echo pre:$GREETING:$NODE_ENV:$ISLET_TEST_SECRET >> steps.txt',
    build: 'echo never >> steps.txt',
    'heroku-postbuild': "node -e \"require('fs').appendFileSync('steps.txt', require('ms')('1s') + '\\\\n')\"",
    'heroku-cleanup': 'cat steps.txt && rm package-lock.json',
  };
  const { slug, output } = await build(
    {
      'package.json': JSON.stringify({ scripts, dependencies: { ms: '2.1.3' } }),
      'package-lock.json': JSON.stringify({
        lockfileVersion: 3,
        packages: {
          '': { dependencies: { ms: '2.1.3' } },
          'node_modules/ms': {
            version: '2.1.3',
            integrity:
              'sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==',
          },
        },
      }),
      'index.js': '',
    },
    { GREETING: 'hello' },
  );
  expect(slug?.entries.get('files/steps.txt')?.toString(), output).toBe('pre:hello:production:\n1000\n');
  expect(output).toContain('       pre:hello:production:\n       1000\n');
  expect(slug?.entries.has('files/package-lock.json')).toBe(false);
});

test('a script that fails: its output, its exit code, no slug', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    'package.json': '{"scripts":{"build":"node build.js"}}',
    'build.js': 'console.error("no such luck"); process.exit(3)',
    'index.js': '',
  });
  expect(result).toMatchObject({ reason: 'The script "build" of package.json ended with exit code 3.' });
  expect(output).toContain('       no such luck\n');
});

test('a build changes its own copies of packages, never the store', async () => {
  const { build } = await startBuilder();
  const app = (build: string) => ({
    'package.json': JSON.stringify({ scripts: { build }, dependencies: { ms: '2.1.3' } }),
    'index.js': 'globalThis.ms = require("ms");',
  });
  const spoilt = await build(app('echo "module.exports = 1" > node_modules/ms/index.js'));
  const clean = await build(app('true'));
  for (const [{ slug, output }, type] of [
    [spoilt, 'number'],
    [clean, 'function'],
  ] as const) {
    if (slug === undefined) throw new Error(output);
    await runSlug(slug);
    expect(typeof Reflect.get(globalThis, 'ms')).toBe(type);
  }
});

test('a link that a build leaves out of the tree is refused', async () => {
  const { build } = await startBuilder();
  const { result } = await build({
    'package.json': '{"scripts":{"build":"ln -s /etc/passwd public"}}',
    'index.js': '',
  });
  expect(result).toMatchObject({ status: 'failed', reason: expect.stringContaining('left what cannot be kept') });
});

test('cancelling a build ends its script', async () => {
  const { post, order, work } = await startBuilder();
  const cancelled = new AbortController();
  const source = {
    'package.json': '{"scripts":{"build":"node build.js"}}',
    'build.js': 'console.log("under way"); setInterval(() => {}, 1000);',
    'index.js': '',
  };
  const response = await post(await order(source), { signal: cancelled.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; !text.includes('under way'); ) text += (await reader?.read())?.value ?? '';
  cancelled.abort();
  await vi.waitFor(() => expect(readdirSync(work)).toEqual([]), { timeout: 10_000 });
});
