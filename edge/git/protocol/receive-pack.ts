/**
 * git-receive-pack (gitprotocol-pack, "Pushing Data To a Server"): the client sends what refs to move and a pack; the
 * pack is stored and checked; then one transaction moves the refs, and the client gets a report.
 */
import { GitError } from '../errors.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { parseTag } from '../objects/commit.ts';
import { type GitObject, ObjectType, typeName } from '../objects/object.ts';
import { type Oid, oidAt, oidBytes, ZERO_OID } from '../objects/oid.ts';
import { PackIndexer } from '../pack/pack-indexer.ts';
import { PackSpool } from '../pack/pack-spool.ts';
import type { CheckedUpdate, RefUpdate, Rejection, Repository, Snapshot } from '../repository.ts';
import { indexKey, packKey } from '../store/keys.ts';
import { ObjectStore, type StoredPack } from '../store/object-store.ts';
import { Turns } from '../turns.ts';
import { isAncestor } from '../walk/commit-walk.ts';
import type { ByteReader } from './byte-reader.ts';
import { FLUSH, pktLine } from './pkt-line.ts';
import { type PushRequest, readPushRequest } from './push-request.ts';
import { isRefName } from './ref-name.ts';
import { type GitContext, gitResponse, openBody, repositoryOf } from './service.ts';
import { Band, SideBand } from './side-band.ts';

/** How often a push that is still arriving is kept from being collected, in ms. */
const HOLD_MS = 15 * 60 * 1000;

/** Answers `POST git-receive-pack`. */
export async function receivePack(request: Request, context: GitContext): Promise<Response> {
  const limits = context.limits ?? defaultLimits;
  const reader = openBody(request, limits.idleMs);
  const push = await readPushRequest(reader, limits);
  // A client with a large push knocks first, to be asked for its password before it sends the pack.
  if (push.updates.length === 0) return gitResponse('receive-pack-result', '');
  const { readable, writable } = new IdentityTransformStream();
  const output = new Output(writable, push.capabilities);
  const receiver = new Receiver(context, limits, push, output);
  // The pack is read to its end before anything is answered: not every client reads while it still writes. What a
  // disconnected client leaves is cleaned up all the same.
  const received = receiver.receive(reader);
  context.ctx.waitUntil(received.catch(() => undefined));
  await received;
  context.ctx.waitUntil(receiver.finish());
  return gitResponse('receive-pack-result', readable);
}

/** How the client wants the answer: in bands, or as the bare report. */
class Output {
  readonly #band: SideBand | undefined;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(writable: WritableStream<Uint8Array>, capabilities: ReadonlySet<string>) {
    this.#writer = writable.getWriter();
    if (capabilities.has('side-band-64k')) this.#band = new SideBand(this.#writer);
  }

  readonly progress = async (text: string | Uint8Array): Promise<void> => {
    await this.#band?.write(Band.progress, text);
  };

  async end(report: Uint8Array): Promise<void> {
    if (this.#band) {
      await this.#band.write(Band.data, report);
      await this.#band.end();
    } else {
      await this.#writer.write(report).catch(() => undefined);
      await this.#writer.close().catch(() => undefined);
    }
  }
}

class Receiver {
  readonly #id = crypto.randomUUID();
  readonly #context: GitContext;
  readonly #limits: Limits;
  readonly #push: PushRequest;
  readonly #output: Output;
  readonly #repository: DurableObjectStub<Repository>;
  readonly #spool: PackSpool;
  #snapshot: Snapshot | undefined;
  #indexer: PackIndexer | undefined;
  #failure: GitError | undefined;
  #hold: ReturnType<typeof setInterval> | undefined;
  /** From then on the pack is the repository's: somebody else may have committed it. */
  #quarantined = false;

  constructor(context: GitContext, limits: Limits, push: PushRequest, output: Output) {
    this.#context = context;
    this.#limits = limits;
    this.#push = push;
    this.#output = output;
    this.#repository = repositoryOf(context.env, context.app.id);
    this.#spool = new PackSpool(context.env.BUCKET, packKey(context.app.id, this.#id), (uploadId) =>
      this.#repository.noteUpload(this.#id, uploadId),
    );
  }

  /** Reads the request to its end. What is wrong with the pack is told by `finish`. */
  async receive(reader: ByteReader): Promise<void> {
    try {
      this.#snapshot = await this.#repository.beginPush(this.#id);
      this.#hold = setInterval(() => this.#repository.holdPush(this.#id), HOLD_MS);
      if (this.#push.updates.some((update) => update.new !== ZERO_OID)) {
        this.#indexer = new PackIndexer({ input: reader, spool: this.#spool, limits: this.#limits });
        await this.#indexer.receive();
      }
    } catch (error) {
      await this.#abandon();
      if (!(error instanceof GitError)) throw error;
      this.#failure = error;
      // The client sends on until it is told; a connection that is cut off would hide why.
      await drain(reader);
    }
  }

  /** Checks, asks, moves the refs, and reports. */
  async finish(): Promise<void> {
    try {
      if (this.#failure) throw this.#failure;
      await this.#output.end(this.#report('ok', await this.#decide()));
    } catch (error) {
      if (!(error instanceof GitError)) console.error(`Push ${this.#id} to ${this.#context.app.name}:`, error);
      await this.#abandon();
      const message = error instanceof GitError ? error.message : 'the server had an error of its own; try again';
      await this.#output.progress(`fatal: ${message}\n`);
      await this.#output.end(this.#report(message, this.#rejectAll('unpacker error')));
    }
  }

  /** Stores and checks what came, has it accepted, and commits it. Resolves to the updates that were refused. */
  async #decide(): Promise<Rejection[]> {
    const snapshot = this.#snapshot;
    if (!snapshot) throw new Error('the push was not received');
    const known = new ObjectStore(this.#context.env.BUCKET, this.#context.app.id, snapshot.packs);
    await known.load();
    const pack = await this.#store(known);
    const store = pack
      ? new ObjectStore(this.#context.env.BUCKET, this.#context.app.id, [...snapshot.packs, pack])
      : known;
    const { updates, rejected } = await this.#check(snapshot, store);
    if (updates.length === 0 || (rejected.length > 0 && this.#push.capabilities.has('atomic'))) {
      await this.#abandon();
      return [...rejected, ...rejectOthers(updates, 'atomic push failure')];
    }
    const twice = this.#twice(known);
    await this.#checkCollisions(twice, store);
    const tidy = twice.length === 0 && this.#isReachable(updates);
    this.#quarantined = true;
    clearInterval(this.#hold);
    const stored = await this.#repository.quarantine(this.#id, { pack, updates, tidy, version: snapshot.version });
    if (!stored.ok) return this.#lost(updates, rejected, stored.rejected);
    const decision = await this.#context.preReceive(
      {
        id: this.#id,
        updates: updates.map(({ ref, old, new: to }) => ({ ref, old, new: to })),
        pushOptions: this.#push.pushOptions,
      },
      this.#output.progress,
    );
    if (!decision.accepted) {
      await this.#abandon();
      return [...rejected, ...rejectOthers(updates, decision.reason)];
    }
    const committed = await this.#repository.commitPush(this.#id);
    return committed.ok ? rejected : this.#lost(updates, rejected, committed.rejected);
  }

  /** The push came too late for some ref, so none of them moved. */
  async #lost(updates: RefUpdate[], before: Rejection[], lost: Rejection[]): Promise<Rejection[]> {
    await this.#abandon();
    for (const { reason } of lost) await this.#output.progress(`error: ${reason}\n`);
    const refs = new Set(lost.map(({ ref }) => ref));
    const others = updates.filter(({ ref }) => !refs.has(ref));
    return [
      ...before,
      ...lost.map(({ ref }) => ({ ref, reason: 'failed to update ref' })),
      ...rejectOthers(others, 'atomic push failure'),
    ];
  }

  /** Finishes the pack and its index. Undefined when it brought no objects. */
  async #store(known: ObjectStore): Promise<StoredPack | undefined> {
    const indexer = this.#indexer;
    if (!indexer || indexer.count === 0) return undefined;
    const { BUCKET } = this.#context.env;
    const { id: appId } = this.#context.app;
    await this.#spool.finish();
    const pack = { name: this.#id, size: this.#spool.size, objects: indexer.count };
    await indexer.resolve(this.#spool.file(), (oid) => known.get(oid));
    await this.#checkConnected(indexer, known);
    const index = indexer.writeIndex();
    await BUCKET.put(indexKey(appId, pack.name), index);
    ObjectStore.remember(appId, pack.name, index);
    return pack;
  }

  async #checkConnected({ oids, references }: PackIndexer, known: ObjectStore): Promise<void> {
    const outside = references.outside();
    if (outside.length === 0) return;
    const missing = outside.find((id) => !known.find(oids.oid(id)));
    if (missing === undefined) {
      for (const id of outside) {
        const oid = oidAt(oids.oid(id));
        const stat = await known.stat(oid);
        if (stat && !references.isTakenFor(id, stat.type)) {
          throw new GitError(`object ${oid} is a ${typeName(stat.type)}, not what refers to it says`);
        }
      }
      return;
    }
    const oid = oidAt(oids.oid(missing));
    if (this.#push.shallow.length > 0) throw new GitError('shallow update not allowed');
    throw new GitError(`missing necessary objects: did not receive expected object ${oid}`);
  }

  /** Which updates can be made, as far as it can be known before the transaction. */
  async #check(snapshot: Snapshot, store: ObjectStore): Promise<{ updates: CheckedUpdate[]; rejected: Rejection[] }> {
    const current = new Map(snapshot.refs.map(({ name, oid }) => [name, oid]));
    const named = new Set<string>();
    const twice = new Set<string>();
    for (const { ref } of this.#push.updates) (named.has(ref) ? twice : named).add(ref);
    const updates: CheckedUpdate[] = [];
    const rejected: Rejection[] = [];
    let refs = current.size;
    for (const update of this.#push.updates) {
      const { ref } = update;
      const now = current.get(ref) ?? ZERO_OID;
      if (update.new !== ZERO_OID && now === ZERO_OID) refs++;
      let reason: string | undefined;
      if (twice.has(ref)) reason = `multiple updates for ref '${ref}' not allowed`;
      else if (!isRefName(ref) && !(update.new === ZERO_OID && now !== ZERO_OID)) reason = 'funny refname';
      else if (Buffer.byteLength(ref) > this.#limits.refNameBytes) reason = 'funny refname: it is too long';
      else if (refs > this.#limits.refs) reason = `a repository may have at most ${this.#limits.refs} refs`;
      else if (now !== update.old) reason = 'failed to update ref';
      if (reason) {
        if (reason === 'failed to update ref') {
          await this.#output.progress(`error: cannot lock ref '${ref}': is at ${now} but expected ${update.old}\n`);
        }
        rejected.push({ ref, reason });
        continue;
      }
      const checked = await this.#checkObject(update, store);
      if (typeof checked === 'string') rejected.push({ ref, reason: checked });
      else updates.push(checked);
    }
    return { updates, rejected };
  }

  /** An update with what its object says, or why the object will not do. */
  async #checkObject(update: RefUpdate, store: ObjectStore): Promise<CheckedUpdate | string> {
    const { ref, old } = update;
    if (update.new === ZERO_OID) return { ...update, peeled: null, leavesGarbage: true };
    const stat = await store.stat(update.new);
    if (!stat) return 'missing necessary objects';
    if (ref.startsWith('refs/heads/') && stat.type !== ObjectType.commit) {
      await this.#output.progress(
        `error: cannot update ref '${ref}': ${typeName(stat.type)} ${update.new} is no commit\n`,
      );
      return 'failed to update ref';
    }
    const peeled = stat.type === ObjectType.tag ? await peel(store, update.new) : null;
    const forward =
      old === ZERO_OID ||
      old === update.new ||
      (stat.type === ObjectType.commit && (await isAncestor(store, old, update.new)));
    return { ...update, peeled, leavesGarbage: !forward };
  }

  /** What the pack brought though the repository has it: numbers in the indexer's `oids`. */
  #twice(known: ObjectStore): number[] {
    const twice: number[] = [];
    if (!this.#indexer) return twice;
    const { oids, references } = this.#indexer;
    for (let id = 0; id < oids.size; id++) {
      if (references.type(id) !== 0 && known.find(oids.oid(id))) twice.push(id);
    }
    return twice;
  }

  /**
   * As git's index-pack does: an object that is here already must be the same, byte by byte. What came first under a
   * name is never replaced by something else that was made to have the same SHA-1.
   */
  async #checkCollisions(twice: number[], store: ObjectStore): Promise<void> {
    const turns = new Turns();
    for (const id of twice) {
      const name = this.#indexer?.oids.oid(id);
      if (name && !(await store.isSame(name, store.packs.length - 1))) {
        throw new GitError(`SHA1 COLLISION FOUND WITH ${oidAt(name)} !`);
      }
      await turns.take(0);
    }
  }

  /** Whether all that the pack brought is reachable from what the push sets. */
  #isReachable(updates: CheckedUpdate[]): boolean {
    if (!this.#indexer) return true;
    const { oids, references } = this.#indexer;
    const tips = new Set(updates.map((update) => oids.find(oidBytes(update.new))));
    for (let id = 0; id < oids.size; id++) {
      if (references.type(id) !== 0 && !references.isReferenced(id) && !tips.has(id)) return false;
    }
    return true;
  }

  async #abandon(): Promise<void> {
    clearInterval(this.#hold);
    if (!this.#quarantined) await this.#spool.abort();
    await this.#repository.abandonPush(this.#id);
  }

  #rejectAll(reason: string): Rejection[] {
    return rejectOthers(this.#push.updates, reason);
  }

  /** report-status (gitprotocol-pack, "Report Status"); version 2 is the same where no ref is rewritten. */
  #report(unpack: string, rejected: Rejection[]): Uint8Array {
    const { capabilities, updates } = this.#push;
    if (!capabilities.has('report-status') && !capabilities.has('report-status-v2')) return new Uint8Array(0);
    const reasons = new Map(rejected.map(({ ref, reason }) => [ref, reason]));
    const lines = updates.map(({ ref }) => {
      const reason = reasons.get(ref);
      return pktLine(reason === undefined ? `ok ${ref}\n` : `ng ${ref} ${reason.replaceAll('\n', ' ')}\n`);
    });
    return Buffer.concat([pktLine(`unpack ${unpack}\n`), ...lines, FLUSH]);
  }
}

const rejectOthers = (updates: RefUpdate[], reason: string): Rejection[] => updates.map(({ ref }) => ({ ref, reason }));

/** Tags of tags are followed this far. */
const MAX_TAGS = 100;

/** What a tag stands for in the end. */
async function peel(store: ObjectStore, tag: Oid): Promise<Oid> {
  let oid = tag;
  for (let depth = 0; depth < MAX_TAGS; depth++) {
    const object: GitObject | undefined = await store.get(oid);
    if (object?.type !== ObjectType.tag) return oid;
    oid = parseTag(object.data).object;
  }
  throw new GitError(`tag ${tag} stands for a tag for a tag, more than ${MAX_TAGS} deep`);
}

/** How much of a refused push is read before the connection is given up. */
const DRAIN_BYTES = 64 * 1024 * 1024;

async function drain(reader: ByteReader): Promise<void> {
  let read = 0;
  try {
    do {
      read += reader.available;
      reader.start = reader.end;
    } while (read < DRAIN_BYTES && (await reader.fill()));
  } catch {
    // The client is gone, or stalls: then nobody needs to know.
  }
  await reader.cancel();
}
