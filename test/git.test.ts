/** The git server, driven by the real git over HTTP. */
import { afterAll, beforeAll, expect, it } from 'vitest';
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
  await clone.ok(...protocol, 'fetch', 'origin', 'main:refs/remotes/origin/main');
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
