import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Oid, oidBytes, ZERO_OID } from '../objects/oid.ts';
import { OidTable } from '../objects/oid-table.ts';
import { writeEntryHeader, writePackHeader } from '../pack/entry.ts';
import { writePackIndex } from '../pack/pack-index.ts';
import { indexKey, packKey } from '../store/keys.ts';
import { blob, buildDelta, buildPack, commit, type Entry, nameOf, tree, withTrailer } from '../testing/build-pack.ts';
import { fuzzRuns, fuzzTimeout } from '../testing/fuzz.ts';
import { push, pushBody, remains, send } from '../testing/push.ts';
import { pktLine } from './pkt-line.ts';
import { repositoryOf } from './service.ts';

const file = blob('hello hello hello\n');
const fileOid = nameOf(3, file.data);
const root = tree(['100644', 'a', fileOid]);
const rootOid = nameOf(2, root.data);
const head = commit(rootOid);
const headOid = nameOf(1, head.data);
const good = buildPack([head, root, file]);

/** A repository that has something else under the name of an object. */
async function withCollision(app: string, oid: Oid): Promise<void> {
  const repository = repositoryOf(env, app);
  const id = crypto.randomUUID();
  const pack = buildPack([blob('something else\n')]);
  const oids = new OidTable();
  oids.add(oidBytes(oid));
  const packHash = pack.subarray(-20);
  const rows = { ids: Int32Array.of(0), crcs: Uint32Array.of(0), offsets: Uint32Array.of(12), packHash };
  await repository.beginPush(id);
  await env.BUCKET.put(packKey(app, id), pack);
  await env.BUCKET.put(indexKey(app, id), writePackIndex({ oids, ...rows }));
  const stored = { name: id, size: pack.length, objects: 1 };
  expect(await repository.quarantine(id, { pack: stored, updates: [], tidy: false, version: 0 })).toEqual({ ok: true });
  expect(await repository.commitPush(id)).toEqual({ ok: true });
}

/** A pack with one commit whose tree is `bad`. */
function withTree(bad: { type: 2; data: Uint8Array }): [string, Uint8Array] {
  const top = commit(nameOf(2, bad.data));
  return [nameOf(1, top.data), buildPack([top, bad, file])];
}
const delta = (...entries: Entry[]): [string, Uint8Array] => [headOid, buildPack([head, root, ...entries])];

it('takes a sound pack, with deltas of both kinds in any order', async () => {
  const other = Buffer.from('hello hello hello\nhello');
  const oid = nameOf(3, other);
  const two = tree(['100644', 'a', fileOid], ['100644', 'b', oid]);
  const top = commit(nameOf(2, two.data));
  const change = buildDelta(file.data.length, other.length, 0x90, file.data.length, 0x90, 5);
  const topOid = nameOf(1, top.data);
  for (const [name, entries] of Object.entries({
    offset: [top, two, file, { base: 2, delta: change }],
    name: [top, two, file, { base: fileOid, delta: change }],
    before: [top, two, { base: fileOid, delta: change }, file],
  } satisfies Record<string, Entry[]>)) {
    expect(await push(`sound-${name}`, topOid, buildPack(entries))).toContain('ok refs/heads/main');
    expect((await remains(`sound-${name}`)).refs).toEqual([`${topOid} refs/heads/main`]);
  }
});

const chopped = (from: Uint8Array, length: number): [string, Uint8Array] => [headOid, from.subarray(0, length)];
const flipped = Uint8Array.from(good);
flipped[good.length - 1] = (flipped[good.length - 1] ?? 0) ^ 1;
const bomb = Buffer.concat([writePackHeader(1), writeEntryHeader(3, 10), deflateSync(Buffer.alloc(10_000_000))]);

const hostile: Record<string, [pushed: [oid: string, pack: Uint8Array], words: string]> = {
  'an empty body': [chopped(good, 0), 'early EOF'],
  'a pack cut in its header': [chopped(good, 7), 'early EOF'],
  'a pack cut in an entry': [chopped(good, 40), 'early EOF'],
  'a pack cut in its trailer': [chopped(good, good.length - 3), 'early EOF'],
  'a wrong trailer': [[headOid, flipped], 'pack is corrupted (SHA1 mismatch)'],
  'junk after the pack': [[headOid, Buffer.concat([good, Buffer.from('junk')])], 'pack has junk at the end'],
  'no pack at all': [
    [headOid, Buffer.from('GIF89a, not a pack, but long enough to be one')],
    'pack signature mismatch',
  ],
  'an unknown version': [[headOid, withTrailer(Buffer.from('PACK\0\0\0\x09\0\0\0\0'))], 'pack version 9 unsupported'],
  'fewer objects than it says': [[headOid, buildPack([head, root, file], { count: 4 })], 'fatal: '],
  'more objects than it says': [[headOid, buildPack([head, root, file], { count: 2 })], 'fatal: '],
  'more objects than allowed': [[headOid, buildPack([head], { count: 4_000_000_000 })], 'at most 1000000 are allowed'],
  'an object twice': [[headOid, buildPack([head, root, file, file])], 'twice'],
  'an object missing': [[headOid, buildPack([head, root])], `did not receive expected object ${fileOid}`],
  'a new value that is nowhere': [['1'.repeat(40), good], 'ng refs/heads/main missing necessary objects'],
  'a blob as the head': [[fileOid, good], 'ng refs/heads/main failed to update ref'],
  'an object smaller than it says': [[headOid, buildPack([head, root, { ...file, size: 19 }])], 'smaller than it says'],
  'an object larger than it says': [[headOid, buildPack([head, root, { ...file, size: 17 }])], 'larger than it says'],
  'an object that goes on and on': [[headOid, withTrailer(bomb)], 'larger than it says'],
  'an object of 8 EiB': [
    [headOid, withTrailer(Buffer.from(`PACK\0\0\0\x02\0\0\0\x01${'\xbf'.repeat(9)}\x7f`, 'latin1'))],
    'out of bounds',
  ],
  'an entry of type 5': [
    [headOid, withTrailer(Buffer.concat([writePackHeader(1), Uint8Array.of(0x50), deflateSync(Buffer.alloc(0))]))],
    'unknown object type 5',
  ],
  'data that is not compressed': [
    [headOid, withTrailer(Buffer.concat([writePackHeader(1), writeEntryHeader(3, 4), Buffer.alloc(40, 0x41)]))],
    'the data is corrupt',
  ],
  'a delta on itself': [delta({ base: 2, delta: buildDelta(1, 1, 0x90, 1) }), 'delta base offset is out of bound'],
  'a delta without a base': [delta({ base: '2'.repeat(40), delta: buildDelta(1, 1, 0x90, 1) }), '1 unresolved delta'],
  'a delta of another base size': [delta(file, { base: 2, delta: buildDelta(1, 1, 0x90, 1) }), 'does not fit its base'],
  'a delta that copies beyond its base': [
    delta(file, { base: 2, delta: buildDelta(18, 9, 0x91, 17, 9) }),
    'out of bounds',
  ],
  'a delta that makes too much': [delta(file, { base: 2, delta: buildDelta(18, 1, 0x90, 9) }), 'out of bounds'],
  'a delta that makes too little': [delta(file, { base: 2, delta: buildDelta(18, 9, 0x90, 1) }), 'ends too early'],
  'a delta cut in an insertion': [delta(file, { base: 2, delta: buildDelta(18, 9, 9, 1) }), 'inserts out of bounds'],
  'a delta with the reserved instruction': [delta(file, { base: 2, delta: buildDelta(18, 9, 0) }), 'reserved'],
  'a delta that is empty': [delta(file, { base: 2, delta: new Uint8Array(0) }), 'delta is truncated'],
  'a delta of a terabyte': [delta(file, { base: 2, delta: buildDelta(18, 2 ** 40, 0x90, 1) }), 'at most'],
  'a tree with ..': [withTree(tree(['100644', '..', fileOid])), "tree contains '..'"],
  'a tree with .': [withTree(tree(['100644', '.', fileOid])), "tree contains '.'"],
  'a tree with .git': [withTree(tree(['100644', '.git', fileOid])), "tree contains '.git'"],
  'a tree with .GiT': [withTree(tree(['100644', '.GiT', fileOid])), "tree contains '.GiT'"],
  'a tree with git~1': [withTree(tree(['100644', 'git~1', fileOid])), "tree contains 'git~1'"],
  'a tree with an empty name': [withTree(tree(['100644', '', fileOid])), 'empty name'],
  'a tree with a path': [withTree(tree(['100644', 'a/b', fileOid])), 'full path name'],
  'a tree with a name twice': [withTree(tree(['100644', 'a', fileOid], ['100644', 'a', fileOid])), 'is there twice'],
  'a tree with a name as file and directory': [
    withTree(tree(['100644', 'a', fileOid], ['100644', 'a.b', fileOid], ['40000', 'a', rootOid])),
    'is there twice',
  ],
  'a tree that is not sorted': [withTree(tree(['100644', 'b', fileOid], ['100644', 'a', fileOid])), 'not in order'],
  'a tree with an odd mode': [withTree(tree(['160777', 'a', fileOid], ['20000', 'b', fileOid])), 'unknown mode'],
  'a tree that takes a blob for a tree': [withTree(tree(['40000', 'a', fileOid])), 'is a blob'],
  'a tree cut short': [withTree({ type: 2, data: Buffer.from('100644 a\x0a3') }), 'too-short tree object'],
  'a commit without a tree': [
    [nameOf(1, Buffer.from('x\n')), buildPack([{ type: 1, data: Buffer.from('x\n') }])],
    'bogus commit',
  ],
};

it.each(Object.entries(hostile))('refuses %s, and keeps nothing of it', async (name, [[oid, pack], words]) => {
  const app = `hostile-${name}`;
  const answer = await push(app, oid, pack);
  expect(answer).toContain(words);
  expect(answer).toContain('ng refs/heads/main');
  expect(await remains(app)).toEqual({ refs: [], keys: [] });
});

it('refuses an object that collides with one that is there, and takes the same one again', async () => {
  await withCollision('collision', fileOid);
  const before = await remains('collision');
  expect(await push('collision', headOid, good)).toContain(`SHA1 COLLISION FOUND WITH ${fileOid}`);
  expect(await remains('collision')).toEqual(before);

  const large = { type: 3 as const, data: Buffer.alloc(5_000_000, 'large ') };
  const whole = tree(['100644', 'large', nameOf(3, large.data)]);
  const top = commit(nameOf(2, whole.data));
  const topOid = nameOf(1, top.data);
  await withCollision('large-collision', nameOf(3, large.data));
  expect(await push('large-collision', topOid, buildPack([top, whole, large]))).toContain('SHA1 COLLISION FOUND WITH');
  for (const ref of ['refs/heads/main', 'refs/heads/same']) {
    expect(await push('no-collision', topOid, buildPack([top, whole, large]), { ref })).toContain(`ok ${ref}`);
  }
});

it('refuses deltas that stand on each other', async () => {
  const [one, two] = ['3'.repeat(40), '4'.repeat(40)];
  const change = buildDelta(1, 1, 0x90, 1);
  const pack = buildPack([head, root, file, { base: one, delta: change }, { base: two, delta: change }]);
  expect(await push('cycle', headOid, pack)).toContain('pack has 2 unresolved deltas');
});

it.each([
  ['packBytes', 100, 'larger than the 100 bytes'],
  ['objects', 2, 'at most 2 are allowed'],
  ['names', 2, 'refers to more objects than the 2 allowed'],
  ['blobBytes', 10, 'larger than the 10 allowed'],
  ['deltaDepth', 1, 'deeper than the 1 allowed'],
  ['heldBytes', 150, 'larger than the 150 allowed'],
  ['refUpdates', 0, 'a push may update at most 0 refs'],
  ['refs', 0, 'a repository may have at most 0 refs'],
  ['refNameBytes', 10, 'funny refname: it is too long'],
] as const)('keeps to limits.%s of %i', async (limit, value, words) => {
  const twice = buildDelta(18, 19, 0x90, 18, 1, 0x41);
  const again = buildDelta(19, 20, 0x90, 19, 1, 0x41);
  const pack = buildPack([head, root, file, { base: 2, delta: twice }, { base: 3, delta: again }]);
  expect(await push(`limit-${limit}`, headOid, pack, { limits: { [limit]: value } })).toContain(words);
  expect(await remains(`limit-${limit}`)).toEqual({ refs: [], keys: [] });
});

it('keeps to the inflated bytes a pack may make, of objects and of deltas', async () => {
  const zeros = { type: 3 as const, data: Buffer.alloc(65_536) };
  const copies = buildDelta(65_536, 100 * 65_536, ...Array<number>(100).fill(0x80));
  for (const [freeInflation, entries] of [
    [60_000, [zeros]],
    [200_000, [zeros, { base: 2, delta: copies }]],
  ] satisfies [number, Entry[]][]) {
    const limits = { freeInflation, inflationRatio: 10 };
    const pack = buildPack([head, root, ...entries]);
    expect(await push('inflated', headOid, pack, { limits })).toContain('inflates to more than 10 times its size');
    expect(await remains('inflated')).toEqual({ refs: [], keys: [] });
  }
});

it('ends a push whose client stops sending', async () => {
  const body = new ReadableStream({
    type: 'bytes',
    start: (controller) => controller.enqueue(new Uint8Array(pushBody(headOid, good.subarray(0, 50)))),
  });
  const answer = await send('stalled', body, { limits: { idleMs: 200 } });
  expect(answer).toContain('the client sent nothing for 0.2 s');
  expect(await remains('stalled')).toEqual({ refs: [], keys: [] });
});

it.each([
  'main',
  'refs/heads',
  'refs/heads/a..b',
  'refs/heads/.a',
  'refs/heads/a.lock',
  'refs/heads/a b',
  'refs/heads/@{x',
])('refuses the ref name %s', async (ref) => {
  expect(await push('names', headOid, good, { ref })).toContain(`ng ${ref} funny refname`);
});

it.each(['zzzz', '0003', '0004', 'fff1', '00'])('refuses the pkt-line %s', async (line) => {
  expect(await send('pkt-lines', Buffer.from(line))).toMatch(/^....ERR /);
});

it('answers the same again when a push is committed again, and drops what is given up', async () => {
  const repository = repositoryOf(env, 'again');
  let id = '';
  await push('again', headOid, good, {
    preReceive: async (quarantined) => {
      id = quarantined.id;
      expect((await remains('again')).refs).toEqual([]);
      expect(await repository.commitPush(id)).toEqual({ ok: true });
      return { accepted: true };
    },
  });
  expect(await repository.commitPush(id)).toEqual({ ok: true });
  await repository.abandonPush(id);
  expect((await remains('again')).keys.length).toBe(2);

  const given = { preReceive: async () => ({ accepted: false as const, reason: 'pre-receive hook declined' }) };
  const top = commit(rootOid, headOid);
  const answer = await push('again', nameOf(1, top.data), buildPack([top]), { ...given, old: headOid });
  expect(answer).toContain('ng refs/heads/main pre-receive hook declined');
  expect((await remains('again')).keys.length).toBe(2);
});

it('collects a push that nobody claims', async () => {
  const repository = repositoryOf(env, 'unclaimed');
  const never = Promise.withResolvers<{ accepted: false; reason: string }>();
  const started = Promise.withResolvers<void>();
  const pushed = push('unclaimed', headOid, good, {
    preReceive: () => {
      started.resolve();
      return never.promise;
    },
  });
  await started.promise;
  expect((await remains('unclaimed')).keys.length).toBe(2);
  await runInDurableObject(repository, (_, { storage }) => storage.sql.exec('UPDATE pushes SET expires = 0'));
  await runDurableObjectAlarm(repository);
  expect(await remains('unclaimed')).toEqual({ refs: [], keys: [] });
  never.resolve({ accepted: false, reason: 'too late' });
  expect(await pushed).toContain('ng refs/heads/main');
});

it(
  'takes or refuses whatever is changed in a push, and never moves a ref to what is not there',
  async () => {
    const change = buildDelta(18, 19, 0x90, 18, 1, 0x41);
    const pack = buildPack([
      head,
      root,
      file,
      { base: 2, delta: change },
      { base: fileOid, delta: buildDelta(18, 1, 1, 0x42) },
    ]);
    const body = pushBody(headOid, pack);
    const from = body.length - pack.length;
    const at = fc.integer({ min: from, max: body.length - 1 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(at, fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.option(at),
        fc.boolean(),
        async (changes, end, sealed) => {
          const app = `fuzz-${++round}`;
          const fuzzed = Buffer.from(body.subarray(0, end ?? body.length));
          for (const [offset, byte] of changes) if (offset < fuzzed.length) fuzzed[offset] = byte;
          // With a right trailer, what is changed gets past the check sum.
          const sent = sealed
            ? Buffer.concat([fuzzed.subarray(0, from), withTrailer(fuzzed.subarray(from, -20))])
            : fuzzed;
          const answer = await send(app, sent);
          const { refs, keys } = await remains(app);
          if (answer.includes('unpack ok')) expect(refs).toEqual([`${headOid} refs/heads/main`]);
          else expect({ refs, keys }).toEqual({ refs: [], keys: [] });
          expect(answer).not.toContain('an error of its own');
        },
      ),
      { numRuns: fuzzRuns },
    );
  },
  fuzzTimeout,
);

it(
  'never fails on arbitrary bytes for a request',
  async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc
        .constantFrom('0000', '0001', '0004', `${ZERO_OID} ${headOid} refs/heads/main\0report-status`)
        .map((text) => Buffer.from(text)),
      fc.string({ maxLength: 80 }).map((text) => pktLine(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const answer = await send('arbitrary', Buffer.concat(lines));
        expect(answer).not.toContain('an error of its own');
      }),
      { numRuns: fuzzRuns },
    );
    expect(await remains('arbitrary')).toEqual({ refs: [], keys: [] });
  },
  fuzzTimeout,
);
