import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { oidBytes } from '../objects/oid.ts';
import { ByteReader } from '../protocol/byte-reader.ts';
import { buildDelta, buildPack, type Entry, nameOf } from '../testing/build-pack.ts';
import { fuzzRuns, fuzzTimeout } from '../testing/fuzz.ts';
import { PackIndex } from './pack-index.ts';
import { PackIndexer } from './pack-indexer.ts';
import { PackSpool } from './pack-spool.ts';

let count = 0;

async function indexOf(pack: Uint8Array): Promise<PackIndex> {
  const { body } = new Response(pack);
  if (!body) throw new Error('a pack has bytes');
  const spool = new PackSpool(env.BUCKET, `test/${++count}.pack`, async () => undefined);
  const indexer = new PackIndexer({ input: new ByteReader(body, 10_000), spool, limits: defaultLimits });
  await indexer.receive();
  await spool.finish();
  await indexer.resolve(spool.file(), async () => undefined);
  await spool.abort();
  return new PackIndex(indexer.writeIndex());
}

/** A delta that copies all of its base, and puts one byte behind it. */
function append(base: Uint8Array, byte: number): { result: Uint8Array; delta: Uint8Array } {
  const copies: number[] = [];
  for (let at = 0; at < base.length; at += 0xffff) {
    const size = Math.min(0xffff, base.length - at);
    copies.push(0xbf, at & 255, (at >> 8) & 255, (at >> 16) & 255, (at >> 24) & 255, size & 255, size >> 8);
  }
  const delta = buildDelta(base.length, base.length + 1, ...copies, 1, byte);
  return { result: Buffer.concat([base, Uint8Array.of(byte)]), delta };
}

/** Entries that stand on each other: `parents[i]` is the number of the base of entry i, or one that is not below i. */
function forest(parents: number[], base: Uint8Array): { data: Uint8Array; delta?: Uint8Array; parent: number }[] {
  const nodes: { data: Uint8Array; delta?: Uint8Array; parent: number }[] = [];
  for (const [i, parent] of parents.entries()) {
    const on = nodes[parent];
    if (on && parent < i) {
      const { result, delta } = append(on.data, i);
      nodes.push({ data: result, delta, parent });
    } else nodes.push({ data: Buffer.concat([base, Uint8Array.of(i)]), parent: -1 });
  }
  return nodes;
}

it(
  'finds every object of a pack, however deltas stand on each other, in any order',
  async () => {
    const parents = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(parents, fc.boolean(), fc.boolean(), async (choice, reversed, byName) => {
        const nodes = forest(choice, Buffer.from('base'));
        const entries = nodes.map(({ data, delta, parent }): Entry => {
          if (!delta) return { type: 3, data };
          // Only by its name can a base come after its delta.
          if (byName || reversed) return { base: nameOf(3, nodes[parent]?.data ?? data), delta };
          return { base: parent, delta };
        });
        const index = await indexOf(buildPack(reversed ? entries.reverse() : entries));
        for (const { data } of nodes) expect(index.find(oidBytes(nameOf(3, data)))).toBeGreaterThan(0);
      }),
      { numRuns: fuzzRuns },
    );
  },
  fuzzTimeout,
);

it('finds objects that are too large to be kept while deltas branch on them', async () => {
  // A chain with two deltas on each of its objects, of 9 MB each: none of them is kept as recent.
  const nodes = forest([0, 0, 0, 2, 2, 4, 4], new Uint8Array(9_000_000));
  const entries = nodes.map(({ data, delta, parent }): Entry => (delta ? { base: parent, delta } : { type: 3, data }));
  const index = await indexOf(buildPack(entries));
  for (const { data } of nodes) expect(index.find(oidBytes(nameOf(3, data)))).toBeGreaterThan(0);
});

it('finds small objects again that have gone from the ring', async () => {
  const noise = (seed: number) => Buffer.alloc(60_000, `noise ${seed} `);
  const first = noise(1);
  const { result, delta } = append(first, 7);
  const others = Array.from({ length: 300 }, (_, i): Entry => ({ type: 3, data: noise(i + 2) }));
  const deltas: Entry[] = [
    { base: 0, delta },
    { base: nameOf(3, first), delta },
  ];
  for (const last of deltas) {
    const index = await indexOf(buildPack([{ type: 3, data: first }, ...others, last]));
    expect(index.find(oidBytes(nameOf(3, result)))).toBeGreaterThan(0);
  }
});
