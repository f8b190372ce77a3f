import { expect, test } from 'vitest';
import { runSlug, startBuilder } from '../../../testing.ts';

const packageJson = '{}';

test('a syntax error: file, line and the line itself', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    'package.json': packageJson,
    'index.js': 'require("./lib/a")',
    'lib/a.js': 'let x = 1;\nlet y = ;\n',
  });
  expect(result).toMatchObject({ status: 'failed', reason: 'lib/a.js:2: Unexpected ";"' });
  expect(output).toContain('lib/a.js:2:8');
  expect(output).toContain('let y = ;');
});

test('a syntax error in a file that speaks of its own place', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    'package.json': packageJson,
    'index.js': 'const here = __dirname;\nconst list = [;\n',
  });
  expect(result).toMatchObject({ status: 'failed', reason: 'index.js:2: Unexpected ";"' });
  expect(output).toContain('const list = [;');
  expect(output).not.toContain('node_modules');
});

test('a package that package.json lacks, also when a directory above the build has it', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({ 'package.json': packageJson, 'index.js': '\nconst z = require("zod");' });
  expect(result).toMatchObject({ reason: "index.js:2: Cannot find package 'zod'" });
  expect(output).toContain(' !     Run `npm install zod` and commit package.json and package-lock.json.');
});

test('a package in a try is not needed', async () => {
  const { build } = await startBuilder();
  const { slug } = await build({
    'package.json': packageJson,
    'index.js': 'try { require("bufferutil"); } catch (error) { globalThis.caught = error.code; }',
  });
  if (slug) await runSlug(slug);
  expect(globalThis).toMatchObject({ caught: 'MODULE_NOT_FOUND' });
});

test('a `require` that a module makes itself, by any name, or imports from another file of a bundled package', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"type":"module"}',
    'index.js': `import { createRequire } from 'node:module';
      import { __require } from './runtime.js';
      const require = createRequire(import.meta.url);
      const load = createRequire(import.meta.url);
      globalThis.required = [require('./one.cjs'), load('./two.cjs'), __require('./three.cjs')];`,
    'runtime.js': `import { createRequire } from 'node:module';
      var __require = /* #__PURE__ */ (() => createRequire(import.meta.url))();
      export { __require };`,
    'one.cjs': "module.exports = 'one'",
    'two.cjs': "module.exports = 'two'",
    'three.cjs': "module.exports = 'three'",
  });
  if (!slug) throw new Error(output);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ required: ['one', 'two', 'three'] });
});

test('the main module knows its place by the name that it has everywhere', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{}',
    'index.js': `globalThis.mainFile = require('path').basename(require.main.filename);`,
  });
  if (!slug) throw new Error(output);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ mainFile: 'index.js' });
});

test('`require` of an ES module gives what that exports as `module.exports`', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{}',
    'index.js': `globalThis.given = [require('./function.mjs')(), require('./plain.mjs').plain];`,
    'function.mjs': `const give = () => 'given'; export { give as default, give as 'module.exports' };`,
    'plain.mjs': `export const plain = 'plain';`,
  });
  if (!slug) throw new Error(output);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ given: ['given', 'plain'] });
});

test.for(['/etc/passwd', '../../../../../../etc/hostname', './a/../../../secret.js', '/proc/self/environ'])(
  'nothing outside of the tree is read: %s',
  async (path) => {
    const { build } = await startBuilder();
    const { result, output } = await build({
      'package.json': packageJson,
      'index.js': `require(${JSON.stringify(path)})`,
    });
    expect(result).toMatchObject({ reason: `index.js:1: ${JSON.stringify(path)} is outside of the app` });
    expect(output).not.toMatch(/root:|INTERNAL_SECRET/);
  },
);

test('no tsconfig.json leads outside of the tree', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    'package.json': '{"scripts":{"start":"tsx index.ts"}}',
    'index.ts': 'export const a: number = 1;',
    'tsconfig.json': '{"extends":"/etc/passwd"}',
  });
  expect(output).not.toContain('root:');
  expect(result.status).toBe('succeeded');
});

test('native code: in the app an error that names the package, in a try nothing', async () => {
  const { build } = await startBuilder();
  const dependencies = { 'utf-8-validate': '6.0.5' };
  const needed = await build({
    'package.json': JSON.stringify({ dependencies }),
    'index.js': 'require("utf-8-validate")',
  });
  expect(needed.result).toMatchObject({
    reason: 'index.js:1: utf-8-validate has native code, which does not run in an isolate',
  });
  const optional = await build({
    'package.json': JSON.stringify({ dependencies }),
    'index.js': 'try { require("utf-8-validate") } catch {}',
  });
  expect(optional.result.status).toBe('succeeded');
});

test('TypeScript, JSON, import(), and packages that name themselves', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"name":"self","type":"module","exports":{"./b":"./b.ts"},"scripts":{"start":"tsx index.ts"}}',
    'index.ts': `
      import data from './data.json' with { type: 'json' };
      import { b } from 'self/b';
      enum Color { Red = 3 }
      const late = await import('./late.ts');
      const builtin = await import('node:path');
      Object.assign(globalThis, { typescript: [data.n, b, Color.Red, late.default, builtin.basename('/x/y'), import.meta.main] });`,
    'b.ts': 'export const b: string = "b";',
    'late.ts': 'export default (await Promise.resolve("late")) as string;',
    'data.json': '{"n":1}',
  });
  if (slug === undefined) throw new Error(output);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ typescript: [1, 'b', 3, 'late', 'y', true] });
});

test('decorators, as tsconfig.json has them', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"scripts":{"start":"tsx index.ts"}}',
    'tsconfig.json': '{ "compilerOptions": { "experimentalDecorators": true /* as Nest wants */ } }',
    'index.ts': `
      const seen: unknown[] = [import.meta.main];
      const mark = (...parameters: unknown[]): void => { seen.push(parameters.length); };
      class Controller { @mark get(@mark id: string) { return id; } }
      Object.assign(globalThis, { decorated: [new Controller().get('x'), ...seen] });`,
  });
  if (!slug) throw new Error(output);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ decorated: ['x', true, 3, 3] });
});

test('a dependency without a module of its own keeps no other from being found by its name', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': JSON.stringify({ dependencies: { '@types/ms': '2.1.0', ms: '2.1.3' } }),
    'index.js': 'const name = "ms"; globalThis.found = require(name)("2 days");',
  });
  if (!slug) throw new Error(output);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ found: 172_800_000 });
});

test('preloads run first, and what the command sets is there', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"type":"module"}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's variable
    Procfile: 'web: MODE=fast node --enable-source-maps --import ./before.js index.js --port ${PORT:-80}',
    'before.js': 'globalThis.order = ["before", process.env.MODE];',
    'index.js': 'globalThis.order.push("index", process.argv.slice(2)); export const unused = 1;',
  });
  if (slug === undefined) throw new Error(output);
  const { argv } = process;
  process.argv = [...argv.slice(0, 2)];
  await runSlug(slug);
  expect(globalThis).toMatchObject({ order: ['before', 'fast', 'index', ['--port', process.env.PORT ?? '80']] });
  process.argv = argv;
});

test('a module that makes its own require has it bundled, and knows paths of files', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{"type":"module"}',
    'index.js': `
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      globalThis.own = [require('./a.cjs'), require.resolve('./data.txt')];`,
    'a.cjs': 'module.exports = [typeof module.filename, module.filename, require.main === module, __dirname]',
    'data.txt': '',
  });
  if (slug === undefined) throw new Error(output);
  expect(slug.entries.get('code/web.cjs')?.toString()).toContain('require_a');
  await runSlug(slug);
  expect(globalThis).toMatchObject({
    own: [
      ['string', expect.stringMatching(/\/a\.cjs$/), false, expect.not.stringContaining('a.cjs')],
      expect.stringMatching(/\/data\.txt$/),
    ],
  });
});

test('a package of devDependencies that the app needs to run', async () => {
  const { build } = await startBuilder();
  const { output } = await build({
    'package.json': '{"devDependencies":{"ms":"2.1.3"}}',
    'index.js': 'require("ms")',
  });
  expect(output).toContain(" !     index.js:1: Cannot find package 'ms'\n");
  expect(output).toContain(
    ' !     Move ms from devDependencies to dependencies in package.json: the app needs it to run.\n',
  );
});
