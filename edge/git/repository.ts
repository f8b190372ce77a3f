import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { repack } from './maintenance/repack.ts';
import { defaultSchedule, type Schedule } from './maintenance/schedule.ts';
import { type Oid, ZERO_OID } from './objects/oid.ts';
import { indexKey, packKey, repositoryPrefix } from './store/keys.ts';
import type { StoredPack } from './store/object-store.ts';

export interface Ref {
  name: string;
  oid: Oid;
  /** What an annotated tag stands for in the end. */
  peeled: Oid | null;
}

export interface RefUpdate {
  ref: string;
  /** ZERO_OID to create. */
  old: Oid;
  /** ZERO_OID to delete. */
  new: Oid;
}

/** An update, and what the edge found out about it while it had the objects at hand. */
export interface CheckedUpdate extends RefUpdate {
  peeled: Oid | null;
  /** Whether objects may be left that no ref reaches: a deletion, or an update that is no fast-forward. */
  leavesGarbage: boolean;
}

export interface Rejection {
  ref: string;
  /** One line, as git words it after `! [remote rejected]`. */
  reason: string;
}

export type CommitAnswer = { ok: true } | { ok: false; rejected: Rejection[] };

/** All that one request needs of a repository, as of one moment. */
export interface Snapshot {
  /** What HEAD stands for, whether or not it exists. */
  head: string;
  /** In the order of their names. */
  refs: Ref[];
  /** Oldest first. */
  packs: StoredPack[];
  /** True when every object is reachable from a ref, and in one pack only: then a clone is the packs as they are. */
  tidy: boolean;
  /** Changes with every push. */
  version: number;
}

/** What a push brings. */
export interface Quarantine {
  /** None, when it brings no objects. */
  pack: StoredPack | undefined;
  updates: CheckedUpdate[];
  /** Whether the pack keeps the catalogue tidy as of `version`. */
  tidy: boolean;
  version: number;
}

type PushRow = {
  id: string;
  state: 'receiving' | 'quarantined' | 'committed' | 'rejected';
  /** Of the multipart upload that its pack comes in, while that goes on. */
  upload: string | null;
  /** JSON: the Quarantine without its updates, which have a table of their own: a row holds at most 2 MB. */
  content: string | null;
};

type UpdateRow = { ref: string; old: Oid; new: Oid; peeled: Oid | null; leaves_garbage: number };

/**
 * The repository of one app: its refs, the catalogue of its packs, and the pushes on their way. The objects are in R2;
 * Workers read and write them there, and everything that decides is one transaction here.
 *
 * A push is `receiving` while its pack is written, `quarantined` while whoever started it makes up their mind, and
 * then `committed` or `rejected`. Its pack is in the catalogue only once it is committed.
 */
export class Repository extends DurableObject<Env> {
  protected readonly schedule: Schedule = defaultSchedule;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#createTables();
  }

  /**
   * The repository now.
   * @param pushId a push whose quarantined objects are to be seen as well
   */
  snapshot(pushId?: string): Snapshot {
    const own = pushId ? this.#content(pushId)?.pack : undefined;
    const packs = this.#packs();
    if (own && !packs.some(({ name }) => name === own.name)) packs.push(own);
    return {
      head: this.#meta('head') ?? 'refs/heads/main',
      refs: this.#sql.exec<Ref & Row>('SELECT name, oid, peeled FROM refs ORDER BY name').toArray(),
      packs,
      tidy: this.#meta('untidy') === undefined,
      version: Number(this.#meta('version') ?? 0),
    };
  }

  /** Begins a push under an id of the caller's making. What it writes to R2 goes under that name, and is collected. */
  async beginPush(id: string): Promise<Snapshot> {
    this.#insertPush(id);
    await this.#wake();
    return this.snapshot();
  }

  /** Notes a multipart upload of a push that is being received, so that it can be given up. */
  noteUpload(id: string, uploadId: string): void {
    this.#sql.exec('UPDATE pushes SET upload = ? WHERE id = ?', uploadId, id);
  }

  /**
   * Takes in what a push brought, once all of it is stored and connected. From now on it survives a restart; refs do
   * not move yet. Refused when the refs are not, or no longer, where the push expects them.
   */
  quarantine(id: string, content: Quarantine): CommitAnswer {
    const rejected = this.#rejections(content.updates);
    if (rejected.length > 0) return { ok: false, rejected };
    const { updates, ...rest } = content;
    return this.ctx.storage.transactionSync(() => {
      const { rowsWritten } = this.#sql.exec(
        "UPDATE pushes SET state = 'quarantined', upload = NULL, content = ?, expires = ? WHERE id = ? AND state = 'receiving'",
        JSON.stringify(rest),
        Date.now() + this.schedule.quarantinedMs,
        id,
      );
      if (rowsWritten === 0) return { ok: false, rejected: rejectAll(updates, 'the push was given up') };
      for (const { ref, old, new: to, peeled, leavesGarbage } of updates) {
        this.#sql.exec(
          'INSERT INTO updates (push, ref, old, new, peeled, leaves_garbage) VALUES (?, ?, ?, ?, ?, ?)',
          id,
          ref,
          old,
          to,
          peeled,
          leavesGarbage ? 1 : 0,
        );
      }
      return { ok: true };
    });
  }

  /** Keeps a push that is still being received: a large pack may take hours on a slow line. */
  holdPush(id: string): void {
    const expires = Date.now() + this.schedule.receivingMs;
    this.#sql.exec("UPDATE pushes SET expires = ? WHERE id = ? AND state = 'receiving'", expires, id);
  }

  /**
   * Moves all refs of a quarantined push, or none, and its pack into the catalogue. May be called again, and answers
   * the same again.
   */
  async commitPush(id: string): Promise<CommitAnswer> {
    const push = this.#push(id);
    if (push?.state === 'committed') return { ok: true };
    const content = push?.state === 'quarantined' ? this.#content(id) : undefined;
    if (!content) return { ok: false, rejected: this.#reasons(id) };
    const rejected = this.#rejections(content.updates);
    const answer: CommitAnswer = rejected.length > 0 ? { ok: false, rejected } : { ok: true };
    this.ctx.storage.transactionSync(() => {
      if (answer.ok) this.#apply(content);
      this.#finish(id, rejected);
      this.#planRepack();
    });
    if (!answer.ok) await this.#removePack(id);
    await this.#wake();
    return answer;
  }

  /** Drops a push that is not committed, and its objects. */
  async abandonPush(id: string): Promise<void> {
    const push = this.#push(id);
    if (push?.state === 'committed') return;
    if (push && push.state !== 'rejected') {
      const rejected = rejectAll(this.#updates(id), 'the push was given up');
      this.ctx.storage.transactionSync(() => this.#finish(id, rejected, 'rejected'));
    }
    await this.#removePack(id, push?.upload);
  }

  /** Removes everything, R2 included. */
  async destroy(): Promise<void> {
    const uploads = this.#sql.exec<PushRow & Row>('SELECT * FROM pushes WHERE upload IS NOT NULL').toArray();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#createTables();
    for (const { id, upload } of uploads) if (upload) await this.#abortUpload(id, upload);
    for (;;) {
      const { objects } = await this.env.BUCKET.list({ prefix: repositoryPrefix(this.#appId) });
      if (objects.length === 0) return;
      await this.env.BUCKET.delete(objects.map(({ key }) => key));
    }
  }

  /** Collects pushes that nobody claimed, answers that nobody needs any more, and packs that were replaced. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    const expired = this.#sql.exec<PushRow & Row>('SELECT * FROM pushes WHERE expires <= ?', now).toArray();
    for (const { id, state } of expired) {
      if (state === 'receiving' || state === 'quarantined') await this.abandonPush(id);
      else {
        this.#sql.exec('DELETE FROM updates WHERE push = ?', id);
        this.#sql.exec('DELETE FROM pushes WHERE id = ?', id);
      }
    }
    for (const { name } of this.#sql
      .exec<{ name: string }>('SELECT name FROM replaced WHERE expires <= ?', now)
      .toArray()) {
      await this.#removePack(name);
      this.#sql.exec('DELETE FROM replaced WHERE name = ?', name);
    }
    if (Number(this.#meta('repack') ?? Number.POSITIVE_INFINITY) <= now) {
      // Planned again before it begins: a crash in the middle only delays it.
      this.#setMeta('repack', String(now + this.schedule.garbageMs));
      await this.repack();
    }
    await this.#wake();
  }

  /**
   * Makes one pack of all, without what no ref reaches. Nothing changes when a push is on its way or comes in
   * meanwhile, as it may build on what would be dropped; then it is tried again later.
   */
  async repack(): Promise<boolean> {
    const snapshot = this.snapshot();
    if (snapshot.packs.length === 0) this.#setMeta('repack', undefined);
    if (snapshot.packs.length === 0 || this.#hasOpenPush()) return false;
    // Under the name of a push that nobody will claim, so that it is collected if this does not get to its end.
    const name = crypto.randomUUID();
    this.#insertPush(name);
    await this.#wake();
    try {
      const source = { bucket: this.env.BUCKET, appId: this.#appId, snapshot };
      const pack = await repack(source, name, async (uploadId) => this.noteUpload(name, uploadId));
      const replaced = this.ctx.storage.transactionSync(() => {
        if (this.#meta('version') !== String(snapshot.version) || this.#hasOpenPush(name)) return false;
        this.#replacePacks(snapshot.packs, pack);
        this.#sql.exec('DELETE FROM pushes WHERE id = ?', name);
        return true;
      });
      if (!replaced) await this.abandonPush(name);
      return replaced;
    } catch (error) {
      console.error(`Repack of ${this.#appId}:`, error);
      // It would fail the same way: not before there is a push that changes something.
      this.#setMeta('repack', undefined);
      await this.abandonPush(name);
      return false;
    }
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  /** The Durable Object is named after the app. */
  get #appId(): string {
    const { name } = this.ctx.id;
    if (!name) throw new Error('a Repository is reached by the name of its app');
    return name;
  }

  #createTables(): void {
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS refs (name TEXT PRIMARY KEY, oid TEXT NOT NULL, peeled TEXT) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS packs (
        seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, objects INTEGER NOT NULL
      );
      CREATE TABLE IF NOT EXISTS replaced (name TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS pushes (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, upload TEXT, content TEXT, expires INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS updates (
        push TEXT NOT NULL, ref TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, peeled TEXT,
        leaves_garbage INTEGER NOT NULL, reason TEXT, PRIMARY KEY (push, ref)
      ) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS pushes_by_expiry ON pushes (expires);
    `);
  }

  #insertPush(id: string): void {
    const expires = Date.now() + this.schedule.receivingMs;
    this.#sql.exec("INSERT INTO pushes (id, state, expires) VALUES (?, 'receiving', ?)", id, expires);
  }

  #hasOpenPush(except = ''): boolean {
    const query = "SELECT 1 FROM pushes WHERE state IN ('receiving', 'quarantined') AND id <> ? LIMIT 1";
    return this.#sql.exec(query, except).toArray().length > 0;
  }

  #planRepack(): void {
    const { repackAt, repackDelayMs, garbageMs } = this.schedule;
    const many = this.#packs().length >= repackAt;
    if (!many && !this.#meta('untidy')) return;
    this.#setMeta('repack', String(Date.now() + (many ? repackDelayMs : garbageMs)));
  }

  /** Puts a pack in the place of all that there are; they stay in R2 for a while. */
  #replacePacks(packs: StoredPack[], pack: StoredPack | undefined): void {
    const [last] = this.#sql.exec<{ seq: number }>('SELECT MAX(seq) AS seq FROM packs');
    for (const { name } of packs) {
      this.#sql.exec('DELETE FROM packs WHERE name = ?', name);
      this.#sql.exec('INSERT INTO replaced (name, expires) VALUES (?, ?)', name, Date.now() + this.schedule.replacedMs);
    }
    if (pack) {
      const { name, size, objects } = pack;
      const query = 'INSERT INTO packs (seq, name, size, objects) VALUES (?, ?, ?, ?)';
      this.#sql.exec(query, last?.seq ?? 1, name, size, objects);
    }
    this.#setMeta('untidy', undefined);
    this.#setMeta('repack', undefined);
  }

  #packs(): StoredPack[] {
    return this.#sql.exec<StoredPack & Row>('SELECT name, size, objects FROM packs ORDER BY seq').toArray();
  }

  #push(id: string): PushRow | undefined {
    return this.#sql.exec<PushRow & Row>('SELECT * FROM pushes WHERE id = ?', id).toArray()[0];
  }

  #content(id: string): Quarantine | undefined {
    const content = this.#push(id)?.content;
    return content ? { ...JSON.parse(content), updates: this.#updates(id) } : undefined;
  }

  #updates(id: string): CheckedUpdate[] {
    const rows = this.#sql.exec<UpdateRow & Row>('SELECT * FROM updates WHERE push = ?', id).toArray();
    return rows.map(({ ref, old, new: to, peeled, leaves_garbage }) => {
      return { ref, old, new: to, peeled, leavesGarbage: leaves_garbage !== 0 };
    });
  }

  /** Why the refs of a push did not move. */
  #reasons(id: string): Rejection[] {
    const query = 'SELECT ref, reason FROM updates WHERE push = ? AND reason IS NOT NULL';
    return this.#sql.exec<Rejection & Row>(query, id).toArray();
  }

  #meta(key: string): string | undefined {
    return this.#sql.exec<{ value: string }>('SELECT value FROM meta WHERE key = ?', key).toArray()[0]?.value;
  }

  #setMeta(key: string, value: string | undefined): void {
    if (value === undefined) this.#sql.exec('DELETE FROM meta WHERE key = ?', key);
    else this.#sql.exec('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, value);
  }

  #refOid(name: string): Oid {
    return this.#sql.exec<{ oid: Oid }>('SELECT oid FROM refs WHERE name = ?', name).toArray()[0]?.oid ?? ZERO_OID;
  }

  /** Why the updates cannot all be made now, in the words of git's `refs/files-backend.c`. */
  #rejections(updates: CheckedUpdate[]): Rejection[] {
    const rejected: Rejection[] = [];
    const gone = new Set(updates.filter((update) => update.new === ZERO_OID).map(({ ref }) => ref));
    const made = new Set(updates.filter((update) => update.new !== ZERO_OID).map(({ ref }) => ref));
    for (const { ref, old, new: to } of updates) {
      const now = this.#refOid(ref);
      const conflict = to === ZERO_OID || now !== ZERO_OID ? undefined : this.#conflict(ref, gone, made);
      if (now !== old) rejected.push({ ref, reason: staleReason(ref, now, old) });
      else if (conflict) rejected.push({ ref, reason: `'${conflict}' exists; cannot create '${ref}'` });
    }
    return rejected;
  }

  /** A ref that cannot be together with a new one: one name is a directory of the other. */
  #conflict(ref: string, gone: ReadonlySet<string>, made: ReadonlySet<string>): string | undefined {
    const parts = ref.split('/');
    const above = parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'));
    const found = above.find((name) => made.has(name) || (!gone.has(name) && this.#refOid(name) !== ZERO_OID));
    if (found) return found;
    const below = this.#sql.exec<{ name: string }>(
      'SELECT name FROM refs WHERE name > ? AND name < ? ORDER BY name',
      `${ref}/`,
      `${ref}0`,
    );
    for (const { name } of below) if (!gone.has(name)) return name;
    return undefined;
  }

  #apply({ pack, updates, tidy, version }: Quarantine): void {
    // Deletions first: they make room for names below or above their own.
    const deleted = updates.filter((update) => update.new === ZERO_OID);
    for (const { ref } of deleted) this.#sql.exec('DELETE FROM refs WHERE name = ?', ref);
    for (const { ref, new: oid, peeled } of updates) {
      if (oid === ZERO_OID) continue;
      this.#sql.exec('INSERT OR REPLACE INTO refs (name, oid, peeled) VALUES (?, ?, ?)', ref, oid, peeled);
    }
    this.#chooseHead();
    const current = Number(this.#meta('version') ?? 0);
    this.#setMeta('version', String(current + 1));
    if (updates.some(({ leavesGarbage }) => leavesGarbage)) this.#setMeta('untidy', '1');
    if (!pack) return;
    this.#sql.exec('INSERT INTO packs (name, size, objects) VALUES (?, ?, ?)', pack.name, pack.size, pack.objects);
    // Another push that came first may have brought some of the same objects.
    if (!tidy || version !== current) this.#setMeta('untidy', '1');
  }

  /** HEAD is what was pushed first, of the two names a deploy branch can have. */
  #chooseHead(): void {
    if (this.#refOid(this.#meta('head') ?? 'refs/heads/main') !== ZERO_OID) return;
    const head = ['refs/heads/main', 'refs/heads/master'].find((name) => this.#refOid(name) !== ZERO_OID);
    if (head) this.#setMeta('head', head);
  }

  #finish(id: string, rejected: Rejection[], state = rejected.length > 0 ? 'rejected' : 'committed'): void {
    const expires = Date.now() + this.schedule.answerMs;
    this.#sql.exec('UPDATE pushes SET state = ?, content = NULL, expires = ? WHERE id = ?', state, expires, id);
    for (const { ref, reason } of rejected) {
      this.#sql.exec('UPDATE updates SET reason = ? WHERE push = ? AND ref = ?', reason, id, ref);
    }
    // Of what was done or refused, only the reasons are ever asked for again.
    this.#sql.exec('DELETE FROM updates WHERE push = ? AND reason IS NULL', id);
  }

  async #removePack(id: string, upload?: string | null): Promise<void> {
    if (upload) await this.#abortUpload(id, upload);
    await this.env.BUCKET.delete([packKey(this.#appId, id), indexKey(this.#appId, id)]);
  }

  async #abortUpload(id: string, upload: string): Promise<void> {
    await this.env.BUCKET.resumeMultipartUpload(packKey(this.#appId, id), upload)
      .abort()
      .catch(() => undefined);
  }

  /** Sets the alarm to when the next thing is to be done. */
  async #wake(): Promise<void> {
    const [next] = this.#sql.exec<{ at: number | null }>(
      `SELECT MIN(at) AS at FROM (
         SELECT MIN(expires) AS at FROM pushes UNION ALL SELECT MIN(expires) FROM replaced
         UNION ALL SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'repack'
       )`,
    );
    if (next?.at != null) await this.ctx.storage.setAlarm(next.at);
  }
}

type Row = Record<string, SqlStorageValue>;

const rejectAll = (updates: RefUpdate[], reason: string): Rejection[] => updates.map(({ ref }) => ({ ref, reason }));

function staleReason(ref: string, now: Oid, old: Oid): string {
  if (now === ZERO_OID) return `cannot lock ref '${ref}': unable to resolve reference '${ref}'`;
  if (old === ZERO_OID) return `cannot lock ref '${ref}': reference already exists`;
  return `cannot lock ref '${ref}': is at ${now} but expected ${old}`;
}
