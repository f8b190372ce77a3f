import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readPack } from './pack.ts';

const limits = { objects: 10, bytes: 10_000 };

/** A pack of entries as they are, with a right checksum. */
function pack(count: number, ...entries: Buffer[]): Buffer {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  head.writeUInt32BE(count, 8);
  const body = Buffer.concat([head, ...entries]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

/** An entry of a type and a size below 2048, with what stands between its head and its data. */
const entry = (type: number, size: number, data: Buffer, between: number[] = []): Buffer =>
  Buffer.concat([Buffer.from([0x80 | (type << 4) | (size & 15), size >> 4, ...between]), deflateSync(data)]);
const blob = (text: string): Buffer => entry(3, text.length, Buffer.from(text));
const idOf = (text: string): string => createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex');
/** Copies four bytes of a base of five, and adds one. */
const change = Buffer.from([5, 5, 0x90, 4, 1, 0x21]);

test('objects, and changes of them, whichever comes first', () => {
  const base = blob('hello');
  const byOffset = entry(6, change.length, change, [base.length]);
  const byId = entry(7, change.length, change, [...Buffer.from(idOf('hello'), 'hex')]);
  for (const made of [pack(2, base, byOffset), pack(2, byId, base)]) {
    const objects = readPack(made, limits);
    expect(objects.get(idOf('hello'))?.data.toString()).toBe('hello');
    expect(objects.get(idOf('hell!'))?.data.toString()).toBe('hell!');
  }
});

describe('refuses', () => {
  const wrong = pack(1, blob('x'));
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
  const lost = [...Buffer.alloc(20)];
  test.for<[string, Buffer, string]>([
    ['what is no pack', Buffer.alloc(40), 'it is no pack'],
    ['a wrong checksum', wrong, 'its checksum is wrong'],
    ['more objects than it may have', pack(11), 'it has 11 objects'],
    ['fewer objects than it says', pack(2, blob('x')), ''],
    ['a bomb', pack(1, entry(3, 10, Buffer.alloc(1_000_000))), ''],
    ['an object that is shorter than it says', pack(1, entry(3, 10, Buffer.from('x'))), 'another size'],
    [
      'objects that are larger than they may be',
      pack(10, ...Array.from({ length: 10 }, (_, i) => blob(`${i}`.repeat(1500)))),
      'more than 10000 bytes',
    ],
    ['a type that is none', pack(1, entry(5, 1, Buffer.from('x'))), 'type 5'],
    ['a change of nothing', pack(1, entry(7, change.length, change, lost)), 'not in it'],
    ['a change of itself', pack(1, entry(6, change.length, change, [0])), 'not in it'],
    [
      'a change that reaches too far',
      pack(
        2,
        blob('hello'),
        entry(7, 5, Buffer.from([5, 9, 0x90, 9, 0]).subarray(0, 4), [...Buffer.from(idOf('hello'), 'hex')]),
      ),
      '',
    ],
    [
      'a change that makes a large object',
      pack(
        2,
        blob('hello'),
        entry(7, 6, Buffer.from([5, 0xff, 0xff, 0x7f, 0x90, 1]), [...Buffer.from(idOf('hello'), 'hex')]),
      ),
      'more than 10000 bytes',
    ],
  ])('%s', ([, made, message]) => {
    expect(() => readPack(made, limits)).toThrow(message);
  });
});
