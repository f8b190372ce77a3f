import { expect, test } from 'vitest';
import { startBuilder } from '../../testing.ts';

test('install scripts of packages run, but for those that compile native code', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    'package.json': JSON.stringify({ dependencies: { 'es5-ext': '0.10.64', bcrypt: '5.1.1' } }),
    'index.js': '',
  });
  expect(result.status, output).toBe('succeeded');
  expect(output).toContain('       Ran postinstall of es5-ext@0.10.64\n');
  expect(output).toContain('       Skipped the install script of bcrypt@5.1.1: native code does not run here (');
});

test('what the install scripts of the app and its workspaces make is in the slug, in the order of npm', async () => {
  const { build } = await startBuilder();
  const note = (what: string) =>
    `node -e "require('fs').appendFileSync(process.env.INIT_CWD + '/ran.txt', '${what} ')"`;
  const { slug, output } = await build({
    'package.json': JSON.stringify({
      workspaces: ['packages/*'],
      scripts: {
        preinstall: note('preinstall'),
        postinstall: `${note('postinstall')} && semver 1.2.3-a`,
        prepare: note('prepare'),
        build: note('build'),
      },
      devDependencies: { semver: '7.7.2' },
    }),
    'packages/a/package.json': JSON.stringify({
      name: 'a',
      version: '1.0.0',
      scripts: { prepare: `${note('a')} && echo "module.exports = 7" > made.js` },
    }),
    'index.js': '',
  });
  expect(slug?.entries.get('files/ran.txt')?.toString(), output).toBe('a preinstall postinstall prepare build ');
  expect(slug?.entries.get('files/packages/a/made.js')?.toString()).toBe('module.exports = 7\n');
  expect(output).toContain('       1.2.3-a\n');
  expect(output).toContain('-----> Pruning devDependencies\n       removed 1 package\n');
});

test('an install script of the app that fails ends the build', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    'package.json': '{"scripts":{"postinstall":"echo no such thing && exit 4"}}',
    'index.js': '',
  });
  expect(result).toMatchObject({ reason: 'The script "postinstall" of package.json ended with exit code 4.' });
  expect(output).toContain('       no such thing\n');
});

test.for<{ what: string; files: Record<string, string>; config?: Record<string, string> }>([
  { what: '.npmrc', files: { '.npmrc': 'ignore-scripts=true' } },
  { what: 'a config var', files: {}, config: { NPM_CONFIG_IGNORE_SCRIPTS: 'true' } },
])('nothing runs on an installation when $what says so', async ({ files, config }) => {
  const { build } = await startBuilder();
  const source = { 'package.json': '{"scripts":{"postinstall":"exit 4"}}', 'index.js': '', ...files };
  expect((await build(source, config)).result.status).toBe('succeeded');
});

test("a package whose scripts the app does not allow is skipped, and the app's own run", async () => {
  const { build } = await startBuilder();
  const { output } = await build({
    'package.json': JSON.stringify({
      dependencies: { 'es5-ext': '0.10.64' },
      allowScripts: { 'es5-ext@0.10.64': false },
      scripts: { install: 'echo own' },
    }),
    'index.js': '',
  });
  expect(output).toContain('Skipped the install script of es5-ext@0.10.64: the app does not allow it\n');
  expect(output).toContain('       own\n');
});
