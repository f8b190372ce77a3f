/** Large generated repositories go in and come out: many commits, deep deltas, many files, large files. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GitHost, startGitHost } from './git-host/start.ts';
import { WorkingCopy } from './git-host/working-copy.ts';

let host: GitHost;

beforeAll(async () => {
  host = await startGitHost();
});

afterAll(() => host?.destroy());

/** One commit for `git fast-import`, with these files. */
function commit(number: number, files: [path: string, text: string][]): string {
  const changes = files.map(([path, text]) => `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`).join('');
  const time = 1_700_000_000 + number;
  return `commit refs/heads/main\ncommitter Ada <ada@example.com> ${time} +0000\ndata 1\nx\n${changes}\n`;
}

/** Text that looks like nothing else and is always the same. */
const line = (...seed: number[]): string => createHash('sha1').update(seed.join('/')).digest('hex');

it('takes 5,000 commits whose deltas are 250 deep, in two pushes, and gives them back', async () => {
  const url = `${host.url}/commits.git`;
  const work = await WorkingCopy.empty();
  const lines = Array.from({ length: 400 }, (_, i) => line(i));
  const commits = Array.from({ length: 5_000 }, (_, i) => {
    lines[(i * 31) % lines.length] = line(i, 1);
    return commit(i, [
      ['changing.txt', `${lines.join('\n')}\n`],
      [`dir-${i % 40}/file-${i % 500}.txt`, line(i, 2)],
    ]);
  });
  await work.gitWith({ input: commits.join('') }, 'fast-import', '--quiet', '--depth=250');
  await work.ok('repack', '-adfq', '--depth=250', '--window=20');
  await work.ok('push', '--quiet', url, 'main~2500:refs/heads/main');
  await work.ok('push', '--quiet', url, 'main');
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('takes 100,000 small files', async () => {
  const url = `${host.url}/files.git`;
  const work = await WorkingCopy.empty();
  const files = Array.from({ length: 100_000 }, (_, i): [string, string] => [
    `${i % 100}/${Math.floor(i / 100) % 100}/${i}.txt`,
    line(i, 3),
  ]);
  await work.gitWith({ input: commit(0, files) }, 'fast-import', '--quiet');
  await work.ok('push', '--quiet', url, 'main');
  const copy = await WorkingCopy.clone(url, '--no-checkout');
  await work.expectSameAs(copy);
});

it('takes binary files of 50 MB, and a change of one', async () => {
  const url = `${host.url}/binaries.git`;
  const blob = randomBytes(50_000_000);
  const work = await WorkingCopy.create({ 'one.bin': blob, 'two.bin': randomBytes(50_000_000) });
  await work.ok('push', '--quiet', url, 'main');
  blob.fill('changed', 10_000_000, 10_100_000);
  await work.write({ 'one.bin': blob });
  await work.commit('Second');
  await work.ok('push', '--quiet', url, 'main');
  const copy = await WorkingCopy.clone(url);
  await work.expectSameAs(copy);
  expect((await copy.ok('hash-object', 'one.bin')).stdout).toBe((await work.ok('hash-object', 'one.bin')).stdout);
});
