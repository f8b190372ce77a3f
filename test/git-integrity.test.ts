/** What a push may never do, whatever goes wrong around it: lose what is committed, store what git cannot clone. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GitHost, startGitHost } from './git-host/start.ts';
import { WorkingCopy } from './git-host/working-copy.ts';

let host: GitHost;

beforeAll(async () => {
  host = await startGitHost();
});

afterAll(() => host?.destroy());

let count = 0;
const remote = () => `${host.url}/integrity-${++count}.git`;

const keys = async (url: string) => (await (await fetch(`${url}/keys`)).json()) as { key: string }[];

/** The request of a client that creates `ref`, and sends this pack. */
function pushBody(ref: string, oid: string, pack: Uint8Array): Uint8Array {
  const command = `${'0'.repeat(40)} ${oid} ${ref}\0report-status`;
  return Buffer.concat([Buffer.from(`${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`), pack]);
}

it('keeps the pack of a push that was committed, even if the pre-receive step then fails', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  await work.git('push', '-o', 'commit', '-o', 'reject=a later step failed', url, 'main');
  expect((await work.ok('ls-remote', url)).stdout).toContain('refs/heads/main');
  await work.expectSameAs(await WorkingCopy.clone(url));
});

it('does not create two refs of one push where one is a directory of the other', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  const pushed = await work.git('push', url, 'main:refs/heads/a', 'main:refs/heads/a/b');
  expect(pushed.code).toBe(1);
  const names = (await work.ok('ls-remote', '--heads', url)).stdout.match(/\S+$/gm) ?? [];
  expect(names.length).toBeLessThan(2);
});

it('leaves nothing of a push whose repository is deleted while the pack arrives', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  const oid = (await work.ok('rev-parse', 'main')).stdout.trim();
  await work.gitWith({ input: oid }, 'pack-objects', '--revs', '--quiet', 'p');
  const name = (await readdir(work.path)).find((file) => file.endsWith('.pack'));
  const body = pushBody('refs/heads/main', oid, await readFile(`${work.path}/${name}`));
  const middle = body.length - 30;
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(body.subarray(0, middle));
      await new Promise((resolve) => setTimeout(resolve, 500));
      await fetch(`${url}/delete`);
      controller.enqueue(body.subarray(middle));
      controller.close();
    },
  });
  const headers = { 'content-type': 'application/x-git-receive-pack-request' };
  const answer = await fetch(`${url}/git-receive-pack`, { method: 'POST', headers, body: stream, duplex: 'half' });
  expect(await answer.text()).toContain('ng refs/heads/main');
  expect(await keys(url)).toEqual([]);
});

it('refuses a commit whose tree is a blob that the repository has', async () => {
  const url = remote();
  const work = await WorkingCopy.create({ a: '1' });
  await work.ok('push', url, 'main');
  const blob = (await work.ok('rev-parse', 'main:a')).stdout.trim();
  const input = `tree ${blob}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n`;
  const write = await work.gitWith({ input }, 'hash-object', '-t', 'commit', '-w', '--literally', '--stdin');
  const oid = write.stdout.trim();
  await work.gitWith({ input: oid }, 'pack-objects', '--quiet', 'p');
  const name = (await readdir(work.path)).find((file) => file.endsWith('.pack'));
  const pack = await readFile(`${work.path}/${name}`);
  const headers = { 'content-type': 'application/x-git-receive-pack-request' };
  const body = pushBody('refs/heads/bad', oid, pack);
  const answer = await fetch(`${url}/git-receive-pack`, { method: 'POST', headers, body });
  expect(await answer.text()).toContain('ng refs/heads/bad');
  expect((await WorkingCopy.clone(url)).path).toBeTruthy();
});

it('takes a history of many small changes to one compressible file', async () => {
  const url = remote();
  const work = await WorkingCopy.empty();
  const lines = Array.from({ length: 15_000 }, (_, i) => `resolved integrity version ${(i * 7919) % 97} license MIT`);
  const commits = Array.from({ length: 700 }, (_, i) => {
    lines[(i * 7919) % lines.length] = `changed ${i}`;
    const text = `${lines.join('\n')}\n`;
    const committer = `committer A <a@b> ${1_700_000_000 + i} +0000`;
    return `commit refs/heads/main\n${committer}\ndata 1\nx\nM 100644 inline lock\ndata ${text.length}\n${text}\n`;
  });
  await work.gitWith({ input: commits.join('') }, 'fast-import', '--quiet', '--depth=50');
  await work.ok('push', url, 'main');
});

it('takes a small change of a file of 80 MB, which git sends as a delta', async () => {
  const url = remote();
  const blob = randomBytes(80_000_000);
  const work = await WorkingCopy.create({ 'large.bin': blob });
  await work.ok('push', '--quiet', url, 'main');
  blob.write('changed', 40_000_000);
  await work.write({ 'large.bin': blob });
  await work.commit('Second');
  await work.ok('push', '--quiet', url, 'main');
  await work.expectSameAs(await WorkingCopy.clone(url));
});
