/** The drains of one app's log: where its lines go as they come, and how far each has got. */
import type { LogLine } from '../../schema/route.ts';
import type { Env } from '../env.ts';
import { connectPublic, fetchPublic } from '../platform/internet.ts';
import { openText, resealText, sealText } from '../platform/sealed.ts';
import { syslogFrames } from './syslog.ts';

export interface Drain {
  /** UUID. */
  id: string;
  url: string;
  /** `d.` and a UUID: names the drain to its receiver. */
  token: string;
  createdAt: string;
}

/** How many drains an app may have. */
export const MAX_DRAINS = 10;

/** Lines are gathered so long before they go. Milliseconds. */
const GATHER_MS = 250;

/** How many lines go in one request. */
const BATCH_LINES = 500;

/** How long a receiver may take. Milliseconds. */
const TIMEOUT_MS = 10_000;

/** After a failure: a second, then twice as long each time, up to this. Milliseconds. */
const MAX_WAIT_MS = 5 * 60_000;

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  /** Sealed, as people put credentials into it. */
  url: string;
  token: string;
  created_at: string;
  /** The last line that was delivered. */
  position: number;
  failures: number;
  /** Milliseconds since 1970. */
  retry_at: number;
}

/** What a drain's URL is bound to. */
const context = (id: string) => `drains.url/${id}`;

interface Line extends Record<string, SqlStorageValue> {
  seq: number;
  at: number;
  source: LogLine['source'];
  dyno: string;
  text: string;
}

/**
 * Delivers a channel's lines. The channel's table is the buffer: a receiver that is away for longer than the table
 * reaches back loses the oldest lines, and is told how many. What was sent and not acknowledged is sent again.
 */
export class Drains {
  readonly #storage: DurableObjectStorage;
  readonly #env: Env;
  #count: number;
  #alarm = false;

  constructor(storage: DurableObjectStorage, env: Env) {
    this.#storage = storage;
    this.#env = env;
    storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS drains (
         id TEXT PRIMARY KEY, url TEXT NOT NULL UNIQUE, token TEXT NOT NULL, created_at TEXT NOT NULL,
         position INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0, retry_at INTEGER NOT NULL DEFAULT 0
       )`,
    );
    this.#count = this.#rows().length;
  }

  list(): Promise<Drain[]> {
    return Promise.all(
      this.#rows().map(async ({ id, url, token, created_at }) => ({
        id,
        url: await openText(this.#env, context(id), url),
        token,
        createdAt: created_at,
      })),
    );
  }

  /** Adds a drain, for the lines from now on. */
  async add({ id, url, token, createdAt }: Drain): Promise<void> {
    const sealed = await sealText(this.#env, context(id), url);
    this.#storage.sql.exec(
      `INSERT INTO drains (id, url, token, created_at, position)
       VALUES (?, ?, ?, ?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'lines'), 0))`,
      id,
      sealed,
      token,
      createdAt,
    );
    this.#count += 1;
  }

  remove(id: string): void {
    this.#storage.sql.exec('DELETE FROM drains WHERE id = ?', id);
    this.#count = this.#rows().length;
  }

  /** Seals with the present key what another has sealed. */
  async reseal(): Promise<void> {
    for (const { id, url } of this.#rows()) {
      const sealed = await resealText(this.#env, context(id), url);
      if (sealed) this.#storage.sql.exec('UPDATE drains SET url = ? WHERE id = ?', sealed, id);
    }
  }

  /** Called when lines have come. */
  wake(): void {
    if (this.#count === 0 || this.#alarm) return;
    this.#alarm = true;
    // In storage, so that a kill does not forget it.
    this.#storage.setAlarm(Date.now() + GATHER_MS);
  }

  /** Called by the channel's alarm: delivers what is due. */
  async deliver(): Promise<void> {
    this.#alarm = true;
    const now = Date.now();
    await Promise.all(this.#rows().flatMap((row) => (row.retry_at <= now ? [this.#deliver(row)] : [])));
    this.#alarm = false;
    const next = this.#rows().flatMap((row) =>
      this.#behind(row) ? [Math.max(row.retry_at, Date.now() + GATHER_MS)] : [],
    );
    if (next.length === 0) return;
    this.#alarm = true;
    this.#storage.setAlarm(Math.min(...next));
  }

  async #deliver(drain: Row): Promise<void> {
    const { sql } = this.#storage;
    const lines = sql
      .exec<Line>('SELECT * FROM lines WHERE seq > ? ORDER BY seq LIMIT ?', drain.position, BATCH_LINES)
      .toArray();
    const [first] = lines;
    const last = lines.at(-1);
    if (!first || !last) return;
    const lost = first.seq - drain.position - 1;
    const notice: Omit<LogLine, 'app'>[] =
      lost > 0
        ? [
            {
              at: first.at,
              source: 'heroku',
              dyno: 'logplex',
              text: `Error L10 (drain buffer overflow): ${lost} messages dropped since ${new Date(first.at).toISOString()}.`,
            },
          ]
        : [];
    try {
      await send(this.#env, drain, [...notice, ...lines], `${drain.id}-${first.seq}-${last.seq}`);
      sql.exec('UPDATE drains SET position = ?, failures = 0, retry_at = 0 WHERE id = ?', last.seq, drain.id);
    } catch {
      const wait = Math.min(MAX_WAIT_MS, 1_000 * 2 ** Math.min(drain.failures, 20));
      sql.exec('UPDATE drains SET failures = failures + 1, retry_at = ? WHERE id = ?', Date.now() + wait, drain.id);
    }
  }

  #behind({ position }: Row): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM lines WHERE seq > ? LIMIT 1', position).toArray().length > 0;
  }

  #rows(): Row[] {
    return this.#storage.sql.exec<Row>('SELECT * FROM drains ORDER BY created_at, id').toArray();
  }
}

/** @throws Error when the receiver has not taken them */
async function send(
  env: Env,
  { id, url: sealed, token }: Row,
  lines: readonly Omit<LogLine, 'app'>[],
  frameId: string,
): Promise<void> {
  const frames = syslogFrames(lines, token);
  const url = await openText(env, context(id), sealed);
  const { protocol, hostname, port, username, password } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') {
    const tls = protocol === 'syslog+tls:';
    return sendOverTcp(env, { hostname, port: Number(port) || (tls ? 6514 : 514), tls }, frames);
  }
  const target = new URL(url);
  target.username = '';
  target.password = '';
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const response = await fetchPublic(env, target.href, {
    method: 'POST',
    headers: {
      'content-type': 'application/logplex-1',
      'user-agent': 'Logplex/islet',
      'logplex-msg-count': String(lines.length),
      'logplex-frame-id': frameId,
      'logplex-drain-token': token,
      ...(username && { authorization: `Basic ${btoa(credentials)}` }),
    },
    body: frames,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${hostname} answered ${response.status}`);
}

async function sendOverTcp(
  env: Env,
  address: { hostname: string; port: number; tls: boolean },
  frames: Uint8Array,
): Promise<void> {
  const socket = connectPublic(env, address);
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const expired = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`${address.hostname} took too long`)));
  });
  try {
    await Promise.race([socket.opened, expired]);
    const writer = socket.writable.getWriter();
    await Promise.race([writer.write(frames), expired]);
    await Promise.race([writer.close(), expired]);
  } finally {
    await socket.close().catch(() => {});
  }
}
