/** The git server, driven by the real git over HTTP. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, symlink } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendPart } from './git-host/send-part.ts';
import { type GitHost, startGitHost } from './git-host/start.ts';
import { WorkingCopy } from './git-host/working-copy.ts';

let host: GitHost;

beforeAll(async () => {
  host = await startGitHost();
});

afterAll(() => host?.destroy());

let count = 0;
const remote = (name = `repo-${++count}`) => `${host.url}/${name}.git`;

it('takes a first push, and gives it back', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ 'a.txt': 'a\n', 'dir/b.txt': 'b\n' });
  const pushed = await work.git('push', url, 'main');
  expect(pushed.stderr).toContain('* [new branch]      main -> main');
  expect(pushed.code).toBe(0);
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('takes pushes with deltas on what it has, and gives only what is new', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ 'big.txt': lines(0, 5000) });
  await work.ok('push', url, 'main');
  const clone = await WorkingCopy.clone(url);
  for (let i = 1; i < 6; i++) {
    await work.write({ 'big.txt': lines(i, 5000), [`new-${i}`]: `${i}` });
    await work.commit(`Change ${i}`);
    await work.ok('push', url, 'main');
    await clone.ok('pull', '--quiet', 'origin', 'main');
    await work.expectSameAs(clone);
  }
  await work.expectSameAs(await WorkingCopy.clone(url));
});

const lines = (seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => `line ${i} ${i % 997 === seed ? Math.random() : ''}\n`).join('');

it.each([0, 1, 2])('speaks protocol version %i', async (version) => {
  const url = remote();
  const protocol = ['-c', `protocol.version=${version}`];
  const work = await WorkingCopy.create({ a: '1' });
  await work.ok(...protocol, 'push', url, 'main');
  const clone = await WorkingCopy.clone(url, ...protocol);
  await work.expectSameAs(clone);
  await work.write({ b: '2' });
  await work.commit('b');
  await work.ok(...protocol, 'push', url, 'main');
  // It has so many commits of its own that it takes several rounds to find what both have.
  const own = Array.from(
    { length: 300 },
    (_, i) => `commit refs/heads/own\ncommitter Ada <ada@example.com> ${4_000_000_000 + i} +0000\ndata 1\nx\n`,
  );
  await clone.gitWith({ input: own.join('') }, 'fast-import', '--quiet');
  const fetched = await clone.ok(...protocol, 'fetch', '-v', '-v', 'origin', 'main:refs/remotes/origin/main');
  expect(fetched.stderr.match(/^POST git-upload-pack /gm)?.length).toBeGreaterThan(1);
  await clone.ok('branch', '--quiet', '-D', 'own');
  await clone.ok('reset', '--quiet', '--hard', 'origin/main');
  await work.expectSameAs(clone);
});

it('creates, updates, forces and deletes branches and tags', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  await work.ok('tag', 'light');
  await work.ok('tag', '-a', 'heavy', '-m', 'An annotated tag');
  await work.ok('push', url, 'main', 'main:feature/x', '--tags');
  expect((await work.ok('ls-remote', url)).stdout.match(/\S+$/gm)).toEqual([
    'HEAD',
    'refs/heads/feature/x',
    'refs/heads/main',
    'refs/tags/heavy',
    'refs/tags/heavy^{}',
    'refs/tags/light',
  ]);
  await work.ok('commit', '--amend', '--quiet', '-m', 'Amended', '--allow-empty');
  const refused = await work.git('push', url, 'main');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('[rejected]        main -> main (non-fast-forward)');
  await work.ok('push', '--force', url, 'main');
  await work.ok('push', url, ':feature/x', ':refs/tags/light');
  const refs = (await work.ok('ls-remote', url)).stdout;
  expect(refs).not.toContain('feature/x');
  expect(refs).not.toContain('light');
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('shows what the pre-receive step says, and moves nothing when it declines', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  const declined = await work.git(
    'push',
    '-o',
    'say=hello',
    '-o',
    'tree',
    '-o',
    'reject=pre-receive hook declined',
    url,
    'main',
  );
  expect(declined.code).toBe(1);
  expect(declined.stderr).toContain('remote: hello');
  expect(declined.stderr).toMatch(/remote: tree of "First": \d+ bytes/);
  expect(declined.stderr).toContain('! [remote rejected] main -> main (pre-receive hook declined)');
  expect((await work.ok('ls-remote', url)).stdout).toBe('');
  expect(await (await fetch(`${url}/keys`)).json()).toEqual([]);
  await work.ok('push', '-o', 'commit', url, 'main');
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('shallow clones, deepens and unshallows', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '0' });
  for (let i = 1; i <= 10; i++) {
    await work.write({ a: `${i}`, [`d/${i}`]: `${i}` });
    await work.commitAt(`2026-01-${String(i + 1).padStart(2, '0')}T00:00:00Z`, `Commit ${i}`);
    if (i === 4) await work.ok('tag', 'four');
  }
  await work.ok('push', url, 'main', 'four');
  for (const version of [0, 2]) {
    const protocol = ['-c', `protocol.version=${version}`];
    const clone = await WorkingCopy.clone(url, ...protocol, '--depth', '3');
    const commits = async () => Number((await clone.ok('rev-list', '--count', 'HEAD')).stdout);
    expect(await commits()).toBe(3);
    await clone.ok('fsck', '--full', '--strict');
    await clone.ok(...protocol, 'fetch', '--depth', '5');
    expect(await commits()).toBe(5);
    await clone.ok(...protocol, 'fetch', '--deepen', '2');
    expect(await commits()).toBe(7);
    await clone.ok('fsck', '--full', '--strict');
    await clone.ok(...protocol, 'fetch', '--unshallow');
    await clone.ok(...protocol, 'fetch', '--tags');
    await work.expectSameAs(clone);
    const since = await WorkingCopy.clone(url, ...protocol, '--shallow-since', '2026-01-06T12:00:00Z');
    expect((await since.ok('rev-list', '--count', 'HEAD')).stdout).toBe('5\n');
    const without = await WorkingCopy.clone(url, ...protocol, '--shallow-exclude', 'four');
    expect((await without.ok('rev-list', '--count', 'HEAD')).stdout).toBe('6\n');
    await without.ok('fsck', '--full', '--strict');
  }
});

it('takes a push from a shallow clone', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '0' });
  for (let i = 1; i <= 5; i++) {
    await work.write({ a: `${i}` });
    await work.commit(`Commit ${i}`);
  }
  await work.ok('push', url, 'main');
  const clone = await WorkingCopy.clone(url, '--depth', '1');
  await clone.write({ b: '1' });
  await clone.commit('From a shallow clone');
  await clone.ok('push', 'origin', 'main');
  const all = await WorkingCopy.clone(url);
  expect((await all.ok('rev-list', '--count', 'HEAD')).stdout).toBe('7\n');
  await all.expectSameAs(await WorkingCopy.clone(url));
  const other = remote();
  const refused = await clone.git('push', other, 'main');
  expect(refused.stderr).toContain('shallow update not allowed');
  expect((await work.ok('ls-remote', other)).stdout).toBe('');
});

it.each(['blob:none', 'blob:limit=1k', 'tree:0', 'tree:1'])('partial clones with %s', async (filter) => {
  const url = remote();
  const work = await WorkingCopy.create({ small: 'x', large: 'y'.repeat(5000), 'd/e/f': 'z' });
  await work.write({ large: 'y'.repeat(6000), 'd/e/g': 'z2' });
  await work.commit('Second');
  await work.ok('push', url, 'main');
  const clone = await WorkingCopy.clone(url, '--no-checkout', `--filter=${filter}`);
  const missing = (await clone.ok('rev-list', '--objects', '--all', '--missing=print')).stdout.match(/^\?/gm) ?? [];
  expect(missing.length).toBeGreaterThan(0);
  // What is missing comes when it is needed.
  await clone.ok('checkout', '--quiet', 'main');
  expect((await clone.ok('log', '-p', '--stat')).stdout).toContain('Second');
  await clone.ok('fsck', '--full', '--strict');
});

it('reports each ref by itself, and all or none in an atomic push', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  const blob = (await work.gitWith({ input: 'blob' }, 'hash-object', '-w', '--stdin')).stdout.trim();
  await work.ok('push', url, 'main');
  await work.write({ a: '2' });
  await work.commit('Second');
  const atomic = await work.git('push', '--atomic', url, 'main', `${blob}:refs/heads/blob`);
  expect(atomic.stderr).toContain('[remote rejected] main -> main (atomic push failure)');
  expect(atomic.stderr).toMatch(/\[remote rejected\] \w+ -> blob \(failed to update ref\)/);
  expect((await work.ok('ls-remote', url, 'main')).stdout).not.toContain(
    (await work.ok('rev-parse', 'HEAD')).stdout.trim(),
  );
  const each = await work.git('push', url, 'main', `${blob}:refs/heads/blob`, `${blob}:refs/tags/blob`);
  expect(each.stderr).toMatch(/\[remote rejected\] \w+ -> blob \(failed to update ref\)/);
  expect(each.stderr).toMatch(/main -> main\n/);
  await work.ok('push', url, 'main:refs/heads/a/b');
  const conflict = await work.git('push', url, 'main:refs/heads/a/b/c');
  expect(conflict.stderr).toContain("'refs/heads/a/b' exists; cannot create 'refs/heads/a/b/c'");
});

it('lets one of two pushes to a ref win', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  await work.ok('push', url, 'main');
  const other = await WorkingCopy.clone(url);
  for (const copy of [work, other]) {
    await copy.write({ a: copy.path });
    await copy.commit('Mine');
  }
  const both = await Promise.all([
    work.git('push', '-o', 'wait=1000', url, 'main'),
    other.git('push', '-o', 'wait=1000', url, 'main'),
  ]);
  expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
  const lost = both.find(({ code }) => code === 1);
  expect(lost?.stderr).toMatch(/remote: error: cannot lock ref 'refs\/heads\/main': is at \w+ but expected \w+/);
  expect(lost?.stderr).toContain('[remote rejected] main -> main (failed to update ref)');
  const winner = both[0].code === 0 ? work : other;
  await winner.expectSameAs(await WorkingCopy.clone(url));
});

it('takes compressed and chunked requests, empty repositories, and pushes that bring nothing', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: 'a'.repeat(3000) });
  expect((await WorkingCopy.clone(url)).path).toBeTruthy();
  const chunked = await work.git('-c', 'http.postBuffer=1', 'push', url, 'main');
  expect(chunked.stderr).toContain('new branch');
  expect((await work.ok('push', url, 'main:same')).stderr).toContain('new branch');
  for (let i = 0; i < 40; i++) await work.ok('tag', `t${i}`);
  await work.ok('push', url, '--tags');
  const clone = await WorkingCopy.clone(url);
  // Many haves: git compresses the request.
  for (let i = 0; i < 60; i++) await clone.commit(`Local ${i}`);
  await work.write({ b: '1' });
  await work.commit('Remote');
  await work.ok('push', url, 'main');
  await clone.ok('fetch', 'origin');
  expect((await clone.ok('rev-parse', 'origin/main')).stdout).toBe((await work.ok('rev-parse', 'HEAD')).stdout);
});

it('takes a small and a large push whose client waits to be told to go on, as one body and in chunks', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ small: 'x' });
  const expecting = ['-c', 'http.extraHeader=Expect: 100-continue'];
  for (const [i, postBuffer] of ['1', '64m'].entries()) {
    await work.write({ [`large-${i}`]: randomBytes(8_000_000) });
    await work.commit('Large');
    await work.ok(...expecting, '-c', `http.postBuffer=${postBuffer}`, 'push', url, 'main');
    await work.write({ [`small-${i}`]: 'y' });
    await work.commit('Small');
    await work.ok(...expecting, '-c', `http.postBuffer=${postBuffer}`, 'push', url, 'main');
  }
  await work.expectSameAs(await WorkingCopy.clone(url, ...expecting));
});

it.each([
  ['with its length', {}, (body: Buffer) => body],
  ['compressed', { 'content-encoding': 'gzip' }, (body: Buffer) => gzipSync(body, { level: 1 })],
  ['compressed, by the older name', { 'content-encoding': 'x-gzip' }, (body: Buffer) => gzipSync(body, { level: 1 })],
  ['in chunks', { 'transfer-encoding': 'chunked' }, (body: Buffer) => body],
  [
    'in chunks and compressed',
    { 'transfer-encoding': 'chunked', 'content-encoding': 'gzip' },
    (body: Buffer) => gzipSync(body, { level: 1 }),
  ],
])('takes the body of a push, small or large, %s, once it has said to go on', async (_, headers, encode) => {
  for (const size of [10, 7_000_000]) {
    const url = remote();
    const work = await WorkingCopy.create({ file: randomBytes(size) });
    const body = encode(await pushBody(work));
    const { continued, text } = await postExpecting(`${url}/git-receive-pack`, headers, body);
    expect(continued).toBe(true);
    expect(text).toContain('ok refs/heads/main');
    await work.expectSameAs(await WorkingCopy.clone(url));
  }
});

it('refuses a body that is not compressed as it says, and keeps nothing of it', async () => {
  const url = remote();
  const body = gzipSync(await pushBody(await WorkingCopy.create({ file: randomBytes(7_000_000) })));
  const parts = await host.storedParts();
  const headers = { 'content-encoding': 'gzip' };
  for (const broken of [Buffer.from('not compressed'), body.subarray(0, 6_000_000)]) {
    const { text } = await postExpecting(`${url}/git-receive-pack`, headers, broken);
    expect(text).toContain('the body of the request broke off');
  }
  await expect.poll(() => host.storedParts(), { timeout: 60_000 }).toBe(parts);
});

it('keeps a pushed master as HEAD', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  await work.ok('push', url, 'main:feature');
  await work.ok('push', url, 'main:master');
  await work.ok('push', url, 'main');
  expect((await work.ok('ls-remote', '--symref', url, 'HEAD')).stdout).toContain('ref: refs/heads/master\tHEAD');
});

it('gives a tree with modes and links, and refuses what cannot be built', async () => {
  const url = remote();
  const name = `${'long/'.repeat(30)}name`;
  const work = await WorkingCopy.create({ 'run.sh': '#!/bin/sh\n', [name]: 'deep', big: 'x'.repeat(3_000_000) });
  await chmod(join(work.path, 'run.sh'), 0o755);
  await symlink('run.sh', join(work.path, 'link'));
  // As Heroku does, it builds what is pushed, not what `git archive` would export.
  await work.write({ '.gitattributes': 'run.sh export-ignore\n' });
  const commit = await work.commit('Modes');
  await work.ok('push', url, 'main');
  const tar = Buffer.from(await (await fetch(`${url}/tree?commit=${commit}`)).arrayBuffer());
  const out = await WorkingCopy.empty();
  await promisify(execFile)('tar', ['-xf', await out.writeOne('tree.tar', tar), '-C', out.path, '--one-top-level=t']);
  const list = async (path: string) =>
    (
      await promisify(execFile)(
        'find',
        ['.', '-type', 'f', '-printf', '%P %m %s\n', '-o', '-type', 'l', '-printf', '%P %l\n'],
        { cwd: path },
      )
    ).stdout
      .split('\n')
      .filter((line) => !line.startsWith('.git/'))
      .map((line) => line.replace(/ 6[64]4 /, ' 644 ').replace(/ 7[75]5 /, ' 755 '))
      .sort();
  expect(await list(join(out.path, 't'))).toEqual(await list(work.path));
  await symlink('/etc/passwd', join(work.path, 'absolute'));
  const absolute = await work.commit('Absolute');
  await work.ok('push', url, 'main');
  expect(await (await fetch(`${url}/tree?commit=${absolute}`)).text()).toContain(
    'The symbolic link absolute leads out of the repository',
  );
  await work.ok('rm', '--quiet', 'absolute');
  await work.ok('update-index', '--add', '--cacheinfo', `160000,${commit},module`);
  await work.ok('commit', '--quiet', '-m', 'Submodule');
  await work.ok('push', url, 'main');
  const gitlink = (await work.ok('rev-parse', 'HEAD')).stdout.trim();
  expect(await (await fetch(`${url}/tree?commit=${gitlink}`)).text()).toContain('module is a submodule');
});

it('names the files that are only pointers to Git LFS', async () => {
  const url = remote();
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`;
  const work = await WorkingCopy.create({ '.gitattributes': '*.psd filter=lfs\n', 'a/b.psd': pointer, 'c.txt': 'c' });
  const commit = (await work.ok('rev-parse', 'HEAD')).stdout.trim();
  await work.ok('push', url, 'main');
  expect(await (await fetch(`${url}/lfs?commit=${commit}`)).json()).toEqual(['a/b.psd']);
});

it('goes on after a restart, and deletes all of a repository', async () => {
  const url = () => `${host.url}/restart.git`;
  const work = await WorkingCopy.create({ a: '1' });
  await work.ok('push', url(), 'main');
  await host.restart();
  await work.expectSameAs(await WorkingCopy.clone(url()));
  await fetch(`${url()}/delete`);
  expect((await work.ok('ls-remote', url())).stdout).toBe('');
  expect(await (await fetch(`${url()}/keys`)).json()).toEqual([]);
  await work.ok('push', url(), 'main');
});

it('takes ten thousand refs in one push, gives them, and deletes them', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  // git itself takes half a minute to match so many refs before it sends anything.
  const refs = Array.from({ length: 10_000 }, (_, i) => `refs/heads/b/${i}`);
  const { text } = await postExpecting(
    `${url}/git-receive-pack`,
    {},
    await pushBody(work, ['refs/heads/main', ...refs]),
  );
  expect(text.match(/ok refs\/heads\/b\//g)).toHaveLength(10_000);
  expect((await work.ok('ls-remote', '--heads', url)).stdout.trim().split('\n')).toHaveLength(10_001);
  await work.expectSameAs(await WorkingCopy.clone(url));
  await work.ok('push', '--quiet', url, 'main:refs/heads/b/0', ':refs/heads/b/1', ':refs/heads/b/9999');
  expect((await work.ok('ls-remote', '--heads', url)).stdout.trim().split('\n')).toHaveLength(9_999);
});

it('repacks, without what no ref reaches any more', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ 'big.txt': lines(0, 3000) });
  await work.ok('push', url, 'main');
  for (let i = 1; i < 8; i++) {
    await work.write({ 'big.txt': lines(i, 3000), secret: `secret ${i}` });
    await work.commit(`Change ${i}`);
    await work.ok('push', url, 'main');
  }
  const secret = (await work.ok('rev-parse', 'HEAD:secret')).stdout.trim();
  await work.ok('reset', '--quiet', '--hard', 'HEAD~3');
  await work.ok('push', '--force', url, 'main');
  await work.expectSameAs(await WorkingCopy.clone(url));
  expect(await (await fetch(`${url}/repack`)).text()).toBe('true');
  const clone = await WorkingCopy.clone(url);
  await work.expectSameAs(clone);
  expect((await clone.git('cat-file', '-e', secret)).code).not.toBe(0);
  await work.write({ more: '1' });
  await work.commit('After');
  await work.ok('push', url, 'main');
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('goes on with a push whose client goes away while it waits', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  const child = spawn('git', ['push', '-o', 'say=building', '-o', 'wait=1500', url, 'main'], { cwd: work.path });
  await untilSaid(child, 'remote: building');
  child.kill('SIGKILL');
  await expect
    .poll(async () => (await work.ok('ls-remote', url)).stdout, { timeout: 10_000 })
    .toContain('refs/heads/main');
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('keeps nothing of a push whose client goes away in the middle of the pack', async () => {
  const url = remote();
  const parts = await host.storedParts();
  const socket = sendPart(url);
  // The first part of the upload is there: without it, there would be nothing to delete.
  await expect.poll(() => host.storedParts(), { timeout: 60_000 }).toBeGreaterThan(parts);
  socket.destroy();
  await expect.poll(() => host.storedParts(), { timeout: 60_000 }).toBe(parts);
  expect(await (await fetch(`${url}/keys`)).json()).toEqual([]);
});

/** The request in which a new repository gets these refs, all where `main` is. */
async function pushBody(work: WorkingCopy, refs = ['refs/heads/main']): Promise<Buffer> {
  const oid = (await work.ok('rev-parse', 'main')).stdout.trim();
  await work.gitWith({ input: oid }, 'pack-objects', '--revs', '--quiet', 'pushed');
  const name = (await readdir(work.path)).find((file) => /^pushed-.*\.pack$/.test(file));
  const commands = refs.map((ref, i) => {
    const line = `${'0'.repeat(40)} ${oid} ${ref}${i === 0 ? '\0report-status' : ''}`;
    return `${(line.length + 4).toString(16).padStart(4, '0')}${line}`;
  });
  return Buffer.concat([Buffer.from(`${commands.join('')}0000`), await readFile(join(work.path, name ?? ''))]);
}

/** Posts a push, and sends its body only when the server has said to go on. */
async function postExpecting(url: string, headers: Record<string, string>, body: Buffer) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const length = 'transfer-encoding' in headers ? {} : { 'content-length': String(body.length) };
  const post = request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-receive-pack-request',
      expect: '100-continue',
      ...length,
      ...headers,
    },
    timeout: 60_000,
  });
  let continued = false;
  post.once('continue', () => {
    continued = true;
    post.end(body);
  });
  post.once('response', resolve);
  post.once('error', reject);
  post.once('timeout', () => post.destroy(new Error('the server did not answer')));
  post.flushHeaders();
  const answer = await promise;
  return { continued, text: (await answer.toArray()).join('') };
}

/** Resolves when a program has written this to its standard error. */
function untilSaid(child: ChildProcess, words: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  child.stderr?.on('data', (bytes) => {
    said += bytes;
    if (said.includes(words)) resolve();
  });
  child.once('exit', () => reject(new Error(`It ended without saying ${words}:\n${said}`)));
  return promise;
}
