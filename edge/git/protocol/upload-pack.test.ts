import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { Oid } from '../objects/oid.ts';
import { blob, buildPack, commit, nameOf, tree } from '../testing/build-pack.ts';
import { fetchFrom } from '../testing/fetch.ts';
import { fuzzRuns, fuzzTimeout } from '../testing/fuzz.ts';
import { push } from '../testing/push.ts';
import { DELIM, FLUSH, pktLine } from './pkt-line.ts';

const APP = 'fetched';

/** A history of five commits, each with a file of its own. */
const history = (() => {
  const entries: { type: 1 | 2 | 3; data: Uint8Array }[] = [];
  const commits: Oid[] = [];
  const trees: Oid[] = [];
  for (let i = 0; i < 5; i++) {
    const file = blob(`file ${i}\n`.repeat(20));
    const root = tree(['100644', `file-${i}`, nameOf(3, file.data)]);
    const head = commit(nameOf(2, root.data), ...commits.slice(-1));
    commits.push(nameOf(1, head.data));
    trees.push(nameOf(2, root.data));
    entries.push(head, root, file);
  }
  return { commits, trees, pack: buildPack(entries) };
})();
const head = history.commits.at(-1) ?? '';

beforeAll(async () => {
  expect(await push(APP, head, history.pack)).toContain('ok refs/heads/main');
});

const lines = (...texts: string[]): Uint8Array[] => texts.map((text) => pktLine(`${text}\n`));
const body0 = (...texts: string[]) =>
  Buffer.concat([...lines(`want ${head} side-band-64k ofs-delta`), ...lines(...texts), FLUSH, ...lines('done')]);
const body2 = (...args: string[]) => Buffer.concat([...lines('command=fetch'), DELIM, ...lines(...args), FLUSH]);

/** How many objects a pack says it has, if it is whole. */
function objectsIn(pack: Uint8Array): number {
  const content = pack.subarray(0, -20);
  expect(Buffer.from(pack.subarray(-20))).toEqual(createHash('sha1').update(content).digest());
  expect(Buffer.from(pack.subarray(0, 8)).toString('latin1')).toBe('PACK\0\0\0\x02');
  return Buffer.from(pack).readUInt32BE(8);
}

it('gives all, or what is new, in each version', async () => {
  const have = `have ${history.commits[2]}`;
  expect(objectsIn((await fetchFrom(APP, body0(), 0)).pack)).toBe(15);
  expect(objectsIn((await fetchFrom(APP, body2(`want ${head}`, 'done'), 2)).pack)).toBe(15);
  const some = Buffer.concat([...lines(`want ${head} side-band-64k`), FLUSH, ...lines(have, 'done')]);
  expect(objectsIn((await fetchFrom(APP, some, 1)).pack)).toBe(6);
  expect(objectsIn((await fetchFrom(APP, body2(`want ${head}`, have, 'done'), 2)).pack)).toBe(6);
});

it('gives an annotated tag with what it stands for to a client that asks for tags', async () => {
  const data = Buffer.from(`object ${head}\ntype commit\ntag v1\ntagger Ada <ada@example.com> 1 +0000\n\nOne\n`);
  const tag = { type: 4 as const, data };
  await push('tagged', head, history.pack);
  await push('tagged', nameOf(4, data), buildPack([tag]), { ref: 'refs/tags/v1' });
  expect(objectsIn((await fetchFrom('tagged', body2(`want ${head}`, 'done'), 2)).pack)).toBe(15);
  expect(objectsIn((await fetchFrom('tagged', body2(`want ${head}`, 'include-tag', 'done'), 2)).pack)).toBe(16);
});

it('takes a compressed request, and says when it is none', async () => {
  const gzip = { 'content-encoding': 'gzip' };
  expect(objectsIn((await fetchFrom(APP, gzipSync(body0()), 0, gzip)).pack)).toBe(15);
  for (const broken of [body0(), gzipSync(body0()).subarray(0, 30)]) {
    expect((await fetchFrom(APP, broken, 0, gzip)).text).toMatch(/ERR the body of the request broke off: /);
  }
});

it.each<[string, Uint8Array, number, string]>([
  ['an object that is not there', body2(`want ${'1'.repeat(40)}`, 'done'), 2, 'not our ref 1111'],
  ['a want that is no name', body2('want main', 'done'), 2, "expected an object name, got 'want main'"],
  ['a depth of none', body2(`want ${head}`, 'deepen 0', 'done'), 2, 'Invalid deepen 0'],
  ['a depth that is no number', body0('deepen -1'), 0, 'Invalid deepen -1'],
  ['a filter that nobody knows', body2(`want ${head}`, 'filter sparse:x', 'done'), 2, "invalid filter-spec 'sparse:x'"],
  ['a ref to leave out that is none', body2(`want ${head}`, 'deepen-not x', 'done'), 2, 'deepen-not is not a ref: x'],
  ['a time after all commits', body2(`want ${head}`, 'deepen-since 9999999999', 'done'), 2, 'no commits selected'],
  ['another object format', Buffer.concat([...lines('command=fetch', 'object-format=sha256'), FLUSH]), 2, 'mismatched'],
  ['no command', FLUSH, 2, 'no command requested'],
  ['a command that nobody knows', Buffer.concat([...lines('command=object-info'), FLUSH]), 2, 'invalid command'],
  ['lines without end', Buffer.concat(Array(600).fill(pktLine('x'.repeat(65_000)))), 0, 'may take at most'],
])('refuses %s', async (_, body, version, words) => {
  const { text, pack } = await fetchFrom(APP, body, version);
  expect(text).toContain(words);
  expect(pack.length).toBe(0);
});

const known = fc.constantFrom(...history.commits, ...history.trees);
const name = fc.oneof({ weight: 5, arbitrary: known }, fc.constantFrom('0'.repeat(40), '1'.repeat(40), 'main', ''));
const argument = fc.oneof(
  fc.tuple(fc.constantFrom('want', 'have', 'shallow'), name).map((pair) => pair.join(' ')),
  fc.tuple(fc.constantFrom('deepen', 'deepen-since'), fc.integer({ min: -1, max: 9 })).map((pair) => pair.join(' ')),
  fc.constantFrom(
    'done',
    'deepen-relative',
    'deepen-not refs/heads/main',
    'thin-pack',
    'ofs-delta',
    'include-tag',
    'no-progress',
    'wait-for-done',
    'filter blob:none',
    'filter tree:1',
    'filter blob:limit=9',
    'filter blob:limit=9999999999999999999999g',
    'ref-prefix refs/',
    'peel',
    'symrefs',
    'command=ls-refs',
  ),
  fc.string({ maxLength: 30 }),
);
const packet = fc.oneof(
  { weight: 8, arbitrary: argument.map((text) => pktLine(`${text}\n`)) },
  fc.constantFrom(FLUSH, DELIM, pktLine('done\n'), Buffer.from('0002'), Buffer.from('0004'), Buffer.from('fff0')),
  fc.uint8Array({ maxLength: 12 }),
);

it.each([0, 1, 2])(
  'answers any request of version %i with a whole pack, or with what is wrong',
  async (version) => {
    const begin = version === 2 ? lines('command=fetch') : lines(`want ${head} side-band-64k multi_ack_detailed`);
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(packet, { maxLength: 8 }),
        fc.boolean(),
        async (sound, packets, ended) => {
          const start = sound ? begin : [];
          const middle = sound && version === 2 ? [DELIM, ...lines(`want ${head}`)] : [];
          const end = ended ? [FLUSH, ...lines('done')] : [];
          const { text, pack } = await fetchFrom(
            APP,
            Buffer.concat([...start, ...middle, ...packets, ...end]),
            version,
          );
          expect(text).not.toContain('an error of its own');
          if (pack.length > 0 && !text.includes('upload-pack: ')) expect(objectsIn(pack)).toBeLessThanOrEqual(15);
        },
      ),
      { numRuns: fuzzRuns },
    );
  },
  fuzzTimeout,
);
