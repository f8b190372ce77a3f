/**
 * git-upload-pack: the client says what it wants and what it has, in one or more requests, and gets a pack
 * (gitprotocol-pack, "Fetching Data From a Server"; gitprotocol-v2, "fetch").
 */
import { GitError } from '../errors.ts';
import { defaultLimits } from '../limits.ts';
import { ObjectType } from '../objects/object.ts';
import { type Oid, oidBytes } from '../objects/oid.ts';
import { PackWriter } from '../pack/pack-writer.ts';
import type { Snapshot } from '../repository.ts';
import { ObjectStore } from '../store/object-store.ts';
import { allReach, walkHistory } from '../walk/fetch-walk.ts';
import { ObjectList } from '../walk/object-list.ts';
import { cutHistory, type ShallowUpdate } from '../walk/shallow.ts';
import { type FetchRequest, isDeepening } from './fetch-request.ts';
import { pktLine } from './pkt-line.ts';
import { type GitContext, gitResponse, openBody, protocolVersion, repositoryOf } from './service.ts';
import { Band, PACKET_HEADER, PACKET_ROOM, SideBand } from './side-band.ts';
import { negotiateVersion0 } from './upload-version0.ts';
import { answerVersion2 } from './upload-version2.ts';

/** Answers `POST git-upload-pack`. */
export async function uploadPack(request: Request, context: GitContext): Promise<Response> {
  const reader = openBody(request, (context.limits ?? defaultLimits).idleMs);
  const snapshot = await repositoryOf(context.env, context.app.id).snapshot();
  const store = new ObjectStore(context.env.BUCKET, context.app.id, snapshot.packs);
  const upload = new Upload(context, snapshot, store);
  return protocolVersion(request) === 2 ? answerVersion2(reader, upload) : negotiateVersion0(reader, upload);
}

/** One fetch: what both versions of the protocol have in common. */
export class Upload {
  readonly snapshot: Snapshot;
  readonly store: ObjectStore;
  readonly #context: GitContext;

  constructor(context: GitContext, snapshot: Snapshot, store: ObjectStore) {
    this.#context = context;
    this.snapshot = snapshot;
    this.store = store;
  }

  /** Those of the client's commits that are here too. */
  async common(haves: Oid[]): Promise<Set<Oid>> {
    await this.store.load();
    const common = new Set<Oid>();
    for (const oid of haves) {
      if (!common.has(oid) && this.store.find(oidBytes(oid))) {
        if ((await this.store.stat(oid))?.type === ObjectType.commit) common.add(oid);
      }
    }
    return common;
  }

  /** Whether enough is known of what the client has. */
  async isReady(wants: Oid[], common: ReadonlySet<Oid>): Promise<boolean> {
    return allReach(this.store, await this.#commits(wants), common);
  }

  /** Where to cut history, or undefined when the client leaves that as it is. */
  async cut({ wants, shallow, deepen }: FetchRequest): Promise<ShallowUpdate | undefined> {
    if (!isDeepening(deepen)) return undefined;
    const { refs } = this.snapshot;
    return cutHistory(this.store, { wants: await this.#commits(wants), clientShallow: shallow, deepen, refs });
  }

  /** @throws GitError when something is wanted that is not here */
  async checkWants(wants: Oid[]): Promise<void> {
    for (const oid of wants) if (!(await this.store.has(oid))) throw new GitError(`upload-pack: not our ref ${oid}`);
  }

  /**
   * Answers with `head` and, behind it, the pack.
   * @param common what the client has
   */
  answer(
    request: FetchRequest,
    common: ReadonlySet<Oid>,
    cut: ShallowUpdate | undefined,
    head: Uint8Array[],
  ): Response {
    const { readable, writable } = new IdentityTransformStream();
    this.#context.ctx.waitUntil(this.#send(writable, request, common, cut, head));
    return gitResponse('upload-pack-result', readable);
  }

  async #send(
    writable: WritableStream<Uint8Array>,
    request: FetchRequest,
    common: ReadonlySet<Oid>,
    cut: ShallowUpdate | undefined,
    head: Uint8Array[],
  ): Promise<void> {
    const writer = writable.getWriter();
    const output = new PackOutput(writer, request.features);
    try {
      if (head.length > 0) await writer.write(Buffer.concat(head));
      await this.#writePack(output, request, common, cut);
      await output.end();
    } catch (error) {
      if (output.gone) return;
      if (!(error instanceof GitError)) console.error(`Fetch from ${this.#context.app.name}:`, error);
      await output.fail(error instanceof GitError ? error.message : 'the server had an error of its own; try again');
    }
  }

  async #writePack(
    output: PackOutput,
    request: FetchRequest,
    common: ReadonlySet<Oid>,
    cut: ShallowUpdate | undefined,
  ): Promise<void> {
    const writer = new PackWriter(this.store, output.write);
    if (this.#isWhole(request, common, cut)) {
      await writer.concatenate(this.#context.env.BUCKET, this.#context.app.id);
      return;
    }
    const list = await this.#list(request, common, cut);
    if (!request.features.has('no-progress')) {
      await output.progress(`Enumerating objects: ${list.oids.size}, done.\n`);
    }
    const { features } = request;
    // A client with a cut history may lack the trees of what it has.
    const thin = features.has('thin-pack') && request.shallow.length === 0;
    await writer.write(list, { ofsDelta: features.has('ofs-delta'), thin });
  }

  /** Whether all that there is is what the client wants. */
  #isWhole({ wants, filter }: FetchRequest, common: ReadonlySet<Oid>, cut: ShallowUpdate | undefined): boolean {
    const { tidy, refs } = this.snapshot;
    if (!tidy || filter || cut || common.size > 0) return false;
    const wanted = new Set(wants);
    return refs.every(({ oid }) => wanted.has(oid));
  }

  async #list(request: FetchRequest, common: ReadonlySet<Oid>, cut: ShallowUpdate | undefined): Promise<ObjectList> {
    await this.store.load();
    const list = new ObjectList(this.store, request.filter);
    const wants = new Set<Oid>();
    for (const oid of request.wants) {
      const commit = await list.addWanted(oid);
      if (commit) wants.add(commit);
    }
    // What a deepened history gets is behind commits that the client has.
    for (const oid of cut?.unshallow ?? []) {
      for (const parent of (await this.store.commit(oid)).parents) wants.add(parent);
    }
    const clientShallow = new Set(request.shallow);
    const history = await walkHistory(this.store, {
      wants,
      haves: common,
      clientShallow,
      shallow: cut?.boundary ?? clientShallow,
    });
    await list.addHistory(history);
    if (request.features.has('include-tag')) this.#addTags(list);
    return list;
  }

  /** Adds the annotated tags of what is sent. */
  #addTags(list: ObjectList): void {
    for (const { oid, peeled } of this.snapshot.refs) {
      if (peeled && list.oids.find(oidBytes(peeled)) >= 0) list.add(oidBytes(oid));
    }
  }

  /** The commits among what is wanted, and those that wanted tags stand for. */
  async #commits(wants: Oid[]): Promise<Oid[]> {
    const peeled = new Map(this.snapshot.refs.map(({ oid, peeled }) => [oid, peeled]));
    const commits: Oid[] = [];
    for (const want of wants) {
      const oid = peeled.get(want) ?? want;
      if ((await this.store.stat(oid))?.type === ObjectType.commit) commits.push(oid);
    }
    return commits;
  }
}

/** Sends a pack: in bands, or bare to clients that know none. */
class PackOutput {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #band: SideBand | undefined;
  #packet = new Uint8Array(PACKET_HEADER + PACKET_ROOM);
  #filled = 0;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>, features: ReadonlySet<string>) {
    this.#writer = writer;
    if (features.has('side-band-64k')) this.#band = new SideBand(writer);
  }

  /** True when nobody reads any more. */
  get gone(): boolean {
    return this.#band?.gone ?? false;
  }

  readonly write = async (bytes: Uint8Array): Promise<void> => {
    for (let from = 0; from < bytes.length; ) {
      const piece = bytes.subarray(from, from + PACKET_ROOM - this.#filled);
      this.#packet.set(piece, PACKET_HEADER + this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled === PACKET_ROOM) await this.#flush();
    }
  };

  async progress(text: string): Promise<void> {
    await this.#band?.write(Band.progress, text);
  }

  async end(): Promise<void> {
    await this.#flush();
    if (this.#band) await this.#band.end();
    else await this.#writer.close();
  }

  async fail(message: string): Promise<void> {
    if (this.#band) {
      await this.#band.write(Band.error, `upload-pack: ${message}\n`);
      await this.#band.end();
    } else {
      await this.#writer.abort(message);
    }
  }

  async #flush(): Promise<void> {
    if (this.#filled === 0) return;
    const packet = this.#packet.subarray(0, PACKET_HEADER + this.#filled);
    this.#filled = 0;
    if (this.#band) await this.#band.writePacket(Band.data, packet);
    else await this.#writer.write(packet.subarray(PACKET_HEADER));
    if (this.gone) throw new GitError('the client is gone');
  }
}

/** `shallow` and `unshallow` lines. */
export function shallowLines({ shallow, unshallow }: ShallowUpdate): Uint8Array[] {
  return [
    ...shallow.map((oid) => pktLine(`shallow ${oid}\n`)),
    ...unshallow.map((oid) => pktLine(`unshallow ${oid}\n`)),
  ];
}
