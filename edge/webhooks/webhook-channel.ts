import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { openText, resealText, sealText } from '../platform/sealed.ts';
import type { Attempt, Change, Delivery, Webhook, WebhookEvent } from './event.ts';
import { send } from './send.ts';

/** Of an app; what is older goes. */
const KEPT_DELIVERIES = 1_000;

/** How many are under way at once. */
const AT_ONCE = 10;

/** After a failure: five seconds, then twice as long each time, up to an hour, for three days. Milliseconds. */
const FIRST_WAIT_MS = 5_000;
const MAX_WAIT_MS = 3_600_000;
const GIVE_UP_MS = 72 * 3_600_000;

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  webhook: string;
  event: string;
  delivery: string;
}

type Secrets = Pick<Webhook, 'url' | 'secret' | 'authorization'>;

/** As it is kept: what is secret of it is sealed. */
type SealedWebhook = Omit<Webhook, keyof Secrets> & { sealed: string };

/** What the secrets of a webhook are bound to. */
const context = (id: string) => `webhooks.sealed/${id}`;

/** A row of the table. Those of before secrets were sealed have them in clear. */
function readWebhook(row: string): SealedWebhook {
  const { url, secret, authorization, sealed, ...webhook }: Webhook & { sealed?: string } = JSON.parse(row);
  return { ...webhook, sealed: sealed ?? JSON.stringify({ url, secret, authorization }) };
}

/** The webhooks of one app, and what is to be delivered to them: written down before anything is sent. */
export class WebhookChannel extends DurableObject<Env> {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#createTables();
  }

  list(): Promise<Webhook[]> {
    return Promise.all(this.#rows().map((webhook) => this.#open(webhook)));
  }

  /** Adds a webhook, or puts it in the place of the one with its id. */
  async put({ url, secret, authorization, ...webhook }: Webhook): Promise<void> {
    const secrets: Secrets = { url, secret, authorization };
    const sealed = await sealText(this.env, context(webhook.id), JSON.stringify(secrets));
    this.#put({ ...webhook, sealed });
  }

  /** Seals with the present key what another has sealed. */
  async reseal(): Promise<void> {
    for (const webhook of this.#rows()) {
      const sealed = await resealText(this.env, context(webhook.id), webhook.sealed);
      if (sealed) this.#put({ ...webhook, sealed });
    }
  }

  #rows(): SealedWebhook[] {
    const rows = this.ctx.storage.sql.exec<{ webhook: string }>('SELECT webhook FROM webhooks ORDER BY rowid');
    return rows.toArray().map(({ webhook }) => readWebhook(webhook));
  }

  #put(webhook: SealedWebhook): void {
    this.ctx.storage.sql.exec(
      `INSERT INTO webhooks (id, webhook) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET webhook = ?2`,
      webhook.id,
      JSON.stringify(webhook),
    );
  }

  async #open({ sealed, ...webhook }: SealedWebhook): Promise<Webhook> {
    const secrets: Secrets = JSON.parse(await openText(this.env, context(webhook.id), sealed));
    return { ...webhook, ...secrets };
  }

  /** Removes a webhook, and what waits for it. */
  remove(id: string): void {
    const { sql } = this.ctx.storage;
    sql.exec('DELETE FROM webhooks WHERE id = ?', id);
    sql.exec('DELETE FROM deliveries WHERE webhook_id = ?', id);
  }

  /** Tells the webhooks that include it of a change. When it returns, no stop of the platform loses it. */
  publish({ entity, action, actor, data }: Change): void {
    const receivers = this.#rows().filter(({ include }) => include.includes(entity));
    if (receivers.length === 0) return;
    const { sql } = this.ctx.storage;
    const at = new Date().toISOString();
    const event: WebhookEvent = {
      id: crypto.randomUUID(),
      include: entity,
      createdAt: at,
      payload: JSON.stringify({
        action,
        actor,
        created_at: at,
        data,
        previous_data: {},
        published_at: at,
        resource: entity.slice('api:'.length),
        sequence: null,
        updated_at: at,
        version: 'application/vnd.heroku+json; version=3',
      }),
    };
    this.ctx.storage.transactionSync(() => {
      for (const webhook of receivers) {
        const delivery: Omit<Delivery, 'seq'> = {
          id: crypto.randomUUID(),
          eventId: event.id,
          include: entity,
          webhookId: webhook.id,
          level: webhook.level,
          status: 'pending',
          attempts: 0,
          last: null,
          nextAttemptAt: at,
          createdAt: at,
          updatedAt: at,
        };
        sql.exec(
          'INSERT INTO deliveries (id, webhook_id, due, event, delivery) VALUES (?, ?, ?, ?, ?)',
          delivery.id,
          webhook.id,
          Date.now(),
          JSON.stringify(event),
          JSON.stringify(delivery),
        );
      }
      sql.exec('DELETE FROM deliveries WHERE seq <= (SELECT max(seq) FROM deliveries) - ?', KEPT_DELIVERIES);
    });
    this.ctx.storage.setAlarm(Date.now());
  }

  /** Newest last. */
  deliveries(): Delivery[] {
    const rows = this.ctx.storage.sql.exec<Pick<Row, 'seq' | 'delivery'>>('SELECT seq, delivery FROM deliveries');
    return rows.toArray().map(({ seq, delivery }) => ({ ...JSON.parse(delivery), seq }));
  }

  /** Those that there are deliveries of, each once. */
  events(): WebhookEvent[] {
    const rows = this.ctx.storage.sql.exec<{ event: string }>('SELECT event FROM deliveries ORDER BY seq').toArray();
    const events = rows.map(({ event }): WebhookEvent => JSON.parse(event));
    return [...new Map(events.map((event) => [event.id, event])).values()];
  }

  override async alarm(): Promise<void> {
    const { sql } = this.ctx.storage;
    const due = sql
      .exec<Row>(
        `SELECT seq, webhook, event, delivery FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
         WHERE due <= ? ORDER BY seq LIMIT ?`,
        Date.now(),
        AT_ONCE,
      )
      .toArray();
    await Promise.all(due.map((row) => this.#attempt(row)));
    const [next] = sql.exec<{ due: number | null }>('SELECT min(due) AS due FROM deliveries').toArray();
    if (next?.due != null) await this.ctx.storage.setAlarm(next.due);
  }

  /** Forgets everything. */
  async destroy(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#createTables();
  }

  async #attempt(row: Row): Promise<void> {
    const webhook = await this.#open(readWebhook(row.webhook));
    const event: WebhookEvent = JSON.parse(row.event);
    const delivery: Delivery = JSON.parse(row.delivery);
    const attemptId = crypto.randomUUID();
    const result = await send(
      this.env,
      webhook,
      JSON.stringify({
        id: delivery.id,
        ...JSON.parse(event.payload),
        webhook_metadata: {
          attempt: { id: attemptId },
          delivery: { id: delivery.id },
          event: { id: event.id, include: event.include },
          webhook: { id: webhook.id },
        },
      }),
    );
    const at = new Date().toISOString();
    const last: Attempt = {
      id: attemptId,
      code: 'code' in result ? result.code : null,
      errorClass: 'code' in result ? null : result.errorClass,
      at,
    };
    const next = this.#next(delivery, last);
    const after: Omit<Delivery, 'seq'> = {
      ...delivery,
      status: next.status,
      attempts: delivery.attempts + 1,
      last,
      nextAttemptAt: next.due === null ? null : new Date(next.due).toISOString(),
      updatedAt: at,
    };
    const { sql } = this.ctx.storage;
    sql.exec('UPDATE deliveries SET delivery = ?, due = ? WHERE seq = ?', JSON.stringify(after), next.due, row.seq);
  }

  /** What becomes of a delivery by its last attempt; `due` in milliseconds since 1970. */
  #next(
    { level, attempts, createdAt }: Delivery,
    { code }: Attempt,
  ): { status: Delivery['status']; due: number | null } {
    if (code !== null && code >= 200 && code < 300) return { status: 'succeeded', due: null };
    const due = Date.now() + Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempts, 20));
    if (level === 'notify' || due > Date.parse(createdAt) + GIVE_UP_MS) return { status: 'failed', due: null };
    return { status: 'retrying', due };
  }

  #createTables(): void {
    this.ctx.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS webhooks (id TEXT PRIMARY KEY, webhook TEXT NOT NULL);
       CREATE TABLE IF NOT EXISTS deliveries (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, webhook_id TEXT NOT NULL,
         due INTEGER, event TEXT NOT NULL, delivery TEXT NOT NULL
       );
       CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due)`,
    );
  }
}
