import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpBackend, startHttpBackend } from '../../bench/support/http-backend.ts';
import { FileServer } from '../../test/support/file-server.ts';
import { runSlug, startBuilder } from '../testing.ts';
import { repositoryOf } from './elsewhere.ts';
import type { LockEntry } from './lock.ts';

let repositories: string;
let git: HttpBackend;
let files: FileServer;
let commit: string;

const manifest = '{"name":"greeting","version":"1.0.0"}';

beforeAll(async () => {
  repositories = mkdtempSync(join(tmpdir(), 'islet-elsewhere-'));
  const directory = join(repositories, 'greeting.git');
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), manifest);
  writeFileSync(join(directory, 'index.js'), 'module.exports = "from git";');
  const run = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=a@b.c', ...args], {
      cwd: directory,
      encoding: 'utf8',
    }).trim();
  run('init', '--quiet', '--initial-branch', 'main');
  run('add', '--all');
  run('commit', '--quiet', '--message', 'Greet');
  commit = run('rev-parse', 'HEAD');
  git = await startHttpBackend(repositories);
  files = await FileServer.start();
});

afterAll(() => {
  git?.stop();
  files?.stop();
  rmSync(repositories, { recursive: true, force: true });
});

const startTrusting = () => startBuilder({ trusted: [files.host, new URL(git.url).host] });

const hash = (data: Buffer) => `sha512-${createHash('sha512').update(data).digest('base64')}`;

async function archive(entries: TarEntry[]): Promise<Buffer> {
  return gzipSync(await packTar(entries));
}

const file = (name: string, body: string): TarEntry => ({ header: { name, size: Buffer.byteLength(body) }, body });

const app = (entry: LockEntry, others: Record<string, string> = {}) => ({
  'package.json': '{"dependencies":{"greeting":"*"}}',
  'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages: { '': {}, 'node_modules/greeting': entry } }),
  'index.js': 'globalThis.greeting = require("greeting");',
  ...others,
});

async function greeting(source: Record<string, string>): Promise<unknown> {
  const { build } = await startTrusting();
  const { slug, output } = await build(source);
  if (slug === undefined) throw new Error(output);
  await runSlug(slug);
  return Reflect.get(globalThis, 'greeting');
}

test('a commit of a git repository', async () => {
  const resolved = `git+${git.url}/greeting.git/.git#${commit}`;
  expect(await greeting(app({ version: '1.0.0', resolved }))).toBe('from git');
});

test('an archive on the internet, with its hash in the lock and without', async () => {
  const body = await archive([file('any/package.json', manifest), file('any/index.js', 'module.exports = "archive";')]);
  const resolved = files.put('/greeting.tgz', body);
  expect(await greeting(app({ version: '1.0.0', resolved, integrity: hash(body) }))).toBe('archive');
  expect(await greeting(app({ version: '1.0.0', resolved }))).toBe('archive');
});

test('a directory of the app', async () => {
  const lock = {
    lockfileVersion: 3,
    packages: { '': {}, 'node_modules/greeting': { link: true, resolved: 'libs/g' } },
  };
  const directory = { 'libs/g/package.json': manifest, 'libs/g/index.js': 'module.exports = "own";' };
  const source = { ...app({}), ...directory, 'package-lock.json': JSON.stringify(lock) };
  expect(await greeting(source)).toBe('own');
});

describe('an archive that', () => {
  test.for<[string, () => Promise<{ body: Buffer; integrity?: string }>, RegExp]>([
    [
      'has other bytes than the pinned',
      async () => ({ body: await archive([file('a/package.json', manifest)]), integrity: hash(Buffer.from('other')) }),
      /^The hash of greeting@1\.0\.0 is not the one that is pinned\.$/,
    ],
    [
      'climbs out of its tree',
      async () => ({ body: await archive([file('package/../../../../escaped.js', 'x')]) }),
      /has a file outside of its own tree/,
    ],
    [
      'unpacks to more than it may',
      async () => ({ body: gzipSync(Buffer.alloc(600 * 1024 ** 2)) }),
      /more than 512 MB\.$/,
    ],
    ['is none', async () => ({ body: Buffer.from('<html>') }), /is damaged/],
  ])('%s is refused, and the next build is unharmed', async ([what, make, reason]) => {
    const { build } = await startTrusting();
    const { body, integrity } = await make();
    const resolved = files.put(`/${what.replaceAll(' ', '-')}.tgz`, body);
    const bad = await build(app({ version: '1.0.0', resolved, integrity }));
    expect(bad.result).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) });
    const good = await build({ 'package.json': '{"dependencies":{"ms":"2.1.3"}}', 'index.js': 'require("ms")' });
    expect(good.result.status).toBe('succeeded');
  });

  test('has links brings none of them', async () => {
    const link: TarEntry = { header: { name: 'a/index.js', type: 'symlink', linkname: '/etc/passwd', size: 0 } };
    const body = await archive([file('a/package.json', manifest), link, file('a/index.json', '"no link"')]);
    const resolved = files.put('/links.tgz', body);
    expect(await greeting(app({ version: '1.0.0', resolved, integrity: hash(body) }))).toBe('no link');
  });
});

test('the ways to name a repository', () => {
  const id = 'a'.repeat(40);
  const here = { url: 'https://github.com/o/r.git', commit: id };
  expect(repositoryOf(`git+ssh://git@github.com/o/r.git#${id}`)).toEqual(here);
  expect(repositoryOf(`git@github.com:o/r.git#commit=${id}`)).toEqual(here);
  expect(repositoryOf(`git+https://github.com/o/r.git#${id}`)).toEqual(here);
  expect(repositoryOf(`https://github.com/o/r.git#workspace=a&commit=${id}`)).toEqual(here);
  expect(repositoryOf(`github:o/r#${id}`)).toEqual(here);
  expect(repositoryOf('git://github.com/o/r.git#main')).toEqual({ ...here, commit: undefined });
  expect(repositoryOf('https://example.com/a.tgz')).toBeUndefined();
});
