import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decompress } from './decompress.ts';
import { BuildFailure } from './failure.ts';

const what = 'The source';
const contents = async (bytes: Buffer, sha256: string | null = null) =>
  buffer(await decompress(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]), { what, sha256 }));
const text = Buffer.from('a tar archive, or what is taken for one');

test('takes what is gzipped and what is not', async () => {
  expect(await contents(text)).toEqual(text);
  expect(await contents(gzipSync(text))).toEqual(text);
});

test('compares the hash of what came', async () => {
  const bytes = gzipSync(text);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(await contents(bytes, sha256)).toEqual(text);
  await expect(contents(text, sha256)).rejects.toThrow('The source is not what its checksum says');
});

test.for<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'The source is empty.'],
  ['half an archive', gzipSync(text).subarray(0, 30), 'The source is a damaged gzip archive: '],
  [
    'an archive with noise after its head',
    Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
    'damaged gzip archive',
  ],
])('refuses %s', async ([, bytes, message]) => {
  const refused = contents(bytes);
  await expect(refused).rejects.toThrow(BuildFailure);
  await expect(refused).rejects.toThrow(message);
});

test('stops a bomb', { timeout: 120_000 }, async () => {
  const zeros = gzipSync(Buffer.alloc(2 ** 24));
  let bytes = 0;
  const bomb = Readable.from(Array.from({ length: 200 }, () => zeros));
  const unpacking = async () => {
    for await (const chunk of await decompress(bomb, { what, sha256: null })) bytes += chunk.length;
  };
  await expect(unpacking()).rejects.toThrow('The source unpacks to more than 2 GB.');
  expect(bytes).toBeLessThanOrEqual(2 ** 31);
});
