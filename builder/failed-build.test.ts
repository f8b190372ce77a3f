import { expect, test } from 'vitest';
import { fixture, startBuilder } from './testing.ts';

const app = { 'package.json': '{}', 'index.js': '' };

/** The lines that stand last in a failed build's output, from the empty ` !` on. */
function verdict(output: string): string[] {
  return output.slice(output.lastIndexOf(' !\n')).split('\n').slice(1, -1);
}

test('no language', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({ 'README.md': '# Hello' });
  expect(result).toEqual({
    type: 'result',
    status: 'failed',
    reason: 'No default language could be detected for this app.',
  });
  expect(verdict(output)[0]).toBe(' !     No default language could be detected for this app.');
});

test('a package.json that is not JSON: line and column', async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({ ...app, 'package.json': '{\n  "name": "a",\n}' });
  expect(result).toMatchObject({ reason: 'package.json is not valid JSON.' });
  expect(output).toMatch(/ {7}.*\(line 3 column 1\)\n/);
});

test.for([
  ['a shell', 'web: node a.js | tee log', 'The start command "node a.js | tee log" cannot be run: it needs a shell.'],
  ['another program', 'web: gunicorn app', 'The start command "gunicorn app" cannot be run: it runs "gunicorn".'],
  [
    'a script that is not there',
    'web: npm run serve',
    'The start command "npm run serve" cannot be run: package.json has no script "serve".',
  ],
  [
    'a file that is not there',
    'web: node dist/main',
    'The start command "node dist/main" runs dist/main, and there is no such file.',
  ],
])('a start command that needs %s', async ([, Procfile, reason]) => {
  const { build } = await startBuilder();
  const { result } = await build({ ...app, Procfile: Procfile ?? '' });
  expect(result).toMatchObject({ status: 'failed', reason });
});

test('nothing to start', async () => {
  const { build } = await startBuilder();
  const { result } = await build({ 'package.json': '{"main":"lib/none.js"}' });
  expect(result).toMatchObject({ reason: 'Nothing says how to start this app.' });
});

test('a lockfile out of sync says what `npm ci` says', async () => {
  const { build } = await startBuilder();
  const source = await fixture('koa');
  const packageJson = JSON.parse(source['package.json'] ?? '');
  packageJson.dependencies = { ...packageJson.dependencies, koa: '^2.0.0', 'left-pad': '^1.3.0' };
  const { result, output } = await build({ ...source, 'package.json': JSON.stringify(packageJson) });
  expect(result).toMatchObject({ reason: 'package.json and package-lock.json are not in sync.' });
  expect(output).toMatch(/npm error Invalid: lock file's koa@3\.\d+\.\d+ does not satisfy koa@\^2\.0\.0\n/);
  expect(output).toContain('npm error Missing: left-pad@^1.3.0 from lock file\n');
});

test('a lockfile with merge conflicts', async () => {
  const { build } = await startBuilder();
  const { result } = await build({ ...app, 'package-lock.json': '{\n<<<<<<< HEAD\n}' });
  expect(result).toMatchObject({ reason: 'package-lock.json is not valid JSON: it has merge conflicts.' });
});

test('a package whose hash is not the pinned one, and the next build is unharmed', async () => {
  const { build } = await startBuilder();
  const source = await fixture('hono');
  const lock = JSON.parse(source['package-lock.json'] ?? '');
  lock.packages['node_modules/hono'].integrity = `sha512-${Buffer.alloc(64, 1).toString('base64')}`;
  const { version } = lock.packages['node_modules/hono'];
  const { result, output } = await build({ ...source, 'package-lock.json': JSON.stringify(lock) });
  expect(result).toMatchObject({ reason: `The hash of hono@${version} is not the one that is pinned.` });
  expect(output).toContain('npm error code EINTEGRITY');
  expect((await build(source)).result.status).toBe('succeeded');
});

test.for([
  [
    'a package that no registry has',
    { 'islet-no-such-package-at-all': '^1.0.0' },
    /^The registry does not have islet-no-such-package-at-all@\^1\.0\.0\.$/,
  ],
  ['a version that does not exist', { ms: '99.99.99' }, /^No matching version found for ms@99\.99\.99\.$/],
  ['a path out of the tree', { ms: 'file:../../etc' }, /^ms@file:.* does not come from a registry\.$/],
  ['a git repository', { ms: 'git+ssh://git@example.com/ms.git' }, /^ms@git.* does not come from a registry\.$/],
] as const)('without a lockfile: %s', async ([, dependencies, reason]) => {
  const { build } = await startBuilder();
  const { result } = await build({ ...app, 'package.json': JSON.stringify({ dependencies }) });
  expect(result).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) });
});

test.for([
  [
    'a file',
    { version: '1.0.0', resolved: 'file:../../../etc/passwd' },
    /^x comes from the file .* which is not in the app\.$/,
  ],
  ['a link out of the tree', { link: true, resolved: '../..' }, /^x is linked to "\.\.\/\.\.", outside of the app\.$/],
  [
    'a loopback address',
    { version: '1.0.0', resolved: 'https://127.0.0.1/x.tgz', integrity: 'sha512-AAAA' },
    /is not on the public internet\.$/,
  ],
  [
    'an address without encryption',
    { version: '1.0.0', resolved: 'http://example.com/x.tgz', integrity: 'sha512-AAAA' },
    /^The archive of x must have an https URL\.$/,
  ],
  [
    'a repository without a commit',
    { version: '1.0.0', resolved: 'git+ssh://git@example.com/x.git#main' },
    /^The lockfile does not pin the commit of x/,
  ],
  [
    'a repository on a loopback address',
    { version: '1.0.0', resolved: `git+https://localhost/x.git#${'a'.repeat(40)}` },
    /is not on the public internet\.$/,
  ],
  ['a path of this host', { version: '1.0.0', resolved: '/etc/passwd' }, /^x does not come from a registry/],
  [
    'a name with a loopback address',
    { version: '1.0.0', resolved: 'https://localhost/x.tgz', integrity: 'sha512-AAAA' },
    /is not on the public internet\.$/,
  ],
] as const)('a lockfile that leads to %s', async ([, entry, reason]) => {
  const { build } = await startBuilder();
  const packages = { '': {}, 'node_modules/x': entry };
  const { result } = await build({ ...app, 'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }) });
  expect(result).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) });
});

test('a lockfile that puts a package outside of the tree', async () => {
  const { build } = await startBuilder();
  const packages = { '': {}, '../node_modules/x': { version: '1.0.0' } };
  const { result } = await build({ ...app, 'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }) });
  expect(result).toMatchObject({ reason: 'The lockfile has a package at "../node_modules/x", outside of the app.' });
});

test("npm's resolver runs nothing of the app", async () => {
  const { build } = await startBuilder();
  const { result, output } = await build({
    ...app,
    'package.json': '{"dependencies":{"ms":"2.1.3"}}',
    '.npm-extension.mjs': 'throw new Error("it ran")',
  });
  expect(result.status).toBe('succeeded');
  expect(output).not.toContain('it ran');
});
