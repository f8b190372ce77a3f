import { defaultLimits, type Limits } from '../limits.ts';
import type { Oid } from '../objects/oid.ts';
import { PackIndexer } from '../pack/pack-indexer.ts';
import { PackSpool } from '../pack/pack-spool.ts';
import { PackWriter } from '../pack/pack-writer.ts';
import { ByteReader } from '../protocol/byte-reader.ts';
import type { Snapshot } from '../repository.ts';
import { indexKey, packKey } from '../store/keys.ts';
import { ObjectStore, type StoredPack } from '../store/object-store.ts';
import { Turns } from '../turns.ts';
import { walkHistory } from '../walk/fetch-walk.ts';
import { ObjectList } from '../walk/object-list.ts';

/** A pack of all pushes may be larger than one of a single push, as far as offsets of 31 bits go. */
const limits: Limits = {
  ...defaultLimits,
  packBytes: 2 ** 31 - 1,
  objects: 4 * defaultLimits.objects,
  names: 4 * defaultLimits.names,
  heldBytes: 2 * defaultLimits.heldBytes,
  inflationRatio: Number.POSITIVE_INFINITY,
};

/**
 * Writes one pack of all that the refs of a repository reach. It goes through the same indexer as a pack that is
 * pushed, so that nothing is taken for stored that cannot be read.
 * @param name of the new pack
 * @param onUpload as for PackSpool
 * @returns the pack, or undefined when the refs reach nothing
 */
export async function repack(
  { bucket, appId, snapshot }: { bucket: R2Bucket; appId: string; snapshot: Snapshot },
  name: string,
  onUpload: (uploadId: string) => Promise<void>,
): Promise<StoredPack | undefined> {
  const store = new ObjectStore(bucket, appId, snapshot.packs);
  const list = await listReachable(store, snapshot);
  if (list.oids.size === 0) return undefined;
  const { readable, writable } = new IdentityTransformStream();
  const spool = new PackSpool(bucket, packKey(appId, name), onUpload);
  const indexer = new PackIndexer({ input: new ByteReader(readable, limits.idleMs), spool, limits });
  const writer = writable.getWriter();
  const turns = new Turns();
  const sink = async (bytes: Uint8Array) => {
    await turns.take(bytes.length);
    await writer.write(bytes);
  };
  const write = async () => {
    try {
      await new PackWriter(store, sink).write(list, { ofsDelta: true, thin: false });
      await writer.close();
    } catch (error) {
      await writer.abort(error);
      throw error;
    }
  };
  const both = await Promise.allSettled([write(), indexer.receive()]);
  for (const one of both) if (one.status === 'rejected') throw one.reason;
  await spool.finish();
  await indexer.resolve(spool.file(), async () => undefined);
  if (indexer.references.outside().length > 0) throw new Error(`the repacked ${appId} would not be connected`);
  await bucket.put(indexKey(appId, name), indexer.writeIndex());
  return { name, size: spool.size, objects: indexer.count };
}

async function listReachable(store: ObjectStore, { refs }: Snapshot): Promise<ObjectList> {
  await store.load();
  const list = new ObjectList(store, undefined);
  const wants = new Set<Oid>();
  for (const { oid } of refs) {
    const commit = await list.addWanted(oid);
    if (commit) wants.add(commit);
  }
  const none = new Set<Oid>();
  await list.addHistory(await walkHistory(store, { wants, haves: none, clientShallow: none, shallow: none }));
  return list;
}
