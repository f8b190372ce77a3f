/** The memory of the edge does not grow with what is pushed. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GitHost, startGitHost, workerdProcesses } from './git-host/start.ts';
import { WorkingCopy } from './git-host/working-copy.ts';

const MiB = 1024 * 1024;

let host: GitHost;

beforeAll(async () => {
  host = await startGitHost();
});

afterAll(() => host?.destroy());

/** The most memory in bytes that the process has ever had. */
async function peakMemory(): Promise<number> {
  const [pid] = await workerdProcesses();
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) * 1024;
}

const sha1 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const nameOf = (type: string, data: Uint8Array): Buffer => sha1(Buffer.from(`${type} ${data.length}\0`), data);

/** An entry of a pack, not compressed: such a pack is as large as what is in it. */
function entry(type: number, data: Uint8Array): Buffer {
  const header = [(type << 4) | (data.length & 15)];
  for (let rest = data.length >> 4; rest > 0; rest >>= 7) {
    header.push(rest & 0x7f);
    header[header.length - 2] = (header.at(-2) ?? 0) | 0x80;
  }
  return Buffer.concat([Buffer.from(header), deflateSync(data, { level: 0 })]);
}

/** A push of one commit with so many files, piece by piece; what it pushes is the last thing it gives. */
async function pushFiles(url: string, count: number, bytes: number): Promise<string> {
  const file = (i: number) => Buffer.alloc(bytes, `file ${i} `);
  const names = Array.from({ length: count }, (_, i) => nameOf('blob', file(i)));
  const rows = names.flatMap((name, i) => [Buffer.from(`100644 ${String(i).padStart(3, '0')}\0`), name]);
  const tree = Buffer.concat(rows);
  const person = 'Ada <ada@example.com> 1700000000 +0000';
  const commit = Buffer.from(
    `tree ${nameOf('tree', tree).toString('hex')}\nauthor ${person}\ncommitter ${person}\n\nLarge\n`,
  );
  const command = `${'0'.repeat(40)} ${nameOf('commit', commit).toString('hex')} refs/heads/main\0report-status`;
  const push = request(`${url}/git-receive-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    timeout: 200_000,
  });
  const answered = once(push, 'response') as Promise<[IncomingMessage]>;
  push.write(`${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`);
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(count + 2, 8);
  const hash = createHash('sha1');
  const send = async (piece: Buffer) => {
    hash.update(piece);
    if (!push.write(piece)) await once(push, 'drain');
  };
  await send(header);
  await send(entry(1, commit));
  await send(entry(2, tree));
  for (let i = 0; i < count; i++) await send(entry(3, file(i)));
  push.end(hash.digest());
  const [answer] = await answered;
  return (await answer.toArray()).join('');
}

it('takes a pack that is larger than all its memory', async () => {
  const url = `${host.url}/large.git`;
  // 600 MiB, where the process has some 90 when it has nothing to do, and its store takes as much again or more.
  expect(await pushFiles(url, 30, 20 * MiB)).toContain('ok refs/heads/main');
  expect(await peakMemory()).toBeLessThan(500 * MiB);
  const clone = await WorkingCopy.clone(url, '--no-checkout');
  await clone.ok('fsck', '--full', '--strict');
  expect(await peakMemory()).toBeLessThan(500 * MiB);
});
