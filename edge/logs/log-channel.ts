import { DurableObject } from 'cloudflare:workers';
import type { LogLine } from '../../schema/route.ts';
import type { Env } from '../env.ts';
import { type Drain, Drains } from './drains.ts';
import { formatLogLine } from './format.ts';

/** As many lines as Heroku's Logplex keeps of an app ("Logging", "Log history limits"). */
const KEPT_LINES = 1500;

/** How many lines a tail may be behind before the oldest of them are passed over. */
const TAIL_BUFFER_LINES = 1024;

export interface LogFilter {
  /** How many of the kept lines to begin with. */
  lines: number;
  /** Whether to go on with new lines as they come. */
  tail: boolean;
  source?: string;
  dyno?: string;
}

const encoder = new TextEncoder();

/** The log of one app: the newest lines, and whoever is reading along. */
export class LogChannel extends DurableObject<Env> {
  readonly #tails = new Set<Tail>();
  #drains: Drains;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#createTable();
    this.#drains = new Drains(state.storage, env);
  }

  /** Adds lines in the order given. */
  append(lines: Omit<LogLine, 'app'>[]): void {
    const { sql } = this.ctx.storage;
    for (const { at, source, dyno, text } of lines.slice(-KEPT_LINES)) {
      sql.exec('INSERT INTO lines (at, source, dyno, text) VALUES (?, ?, ?, ?)', at, source, dyno, text);
    }
    sql.exec('DELETE FROM lines WHERE seq <= (SELECT max(seq) FROM lines) - ?', KEPT_LINES);
    for (const tail of this.#tails) tail.push(lines);
    this.#drains.wake();
  }

  /**
   * The log as text, a line each, oldest first: runners send in batches, so what happened first may come last. With
   * `tail` it ends only when the reader goes.
   */
  read(filter: LogFilter): ReadableStream<Uint8Array> {
    const kept = this.ctx.storage.sql
      .exec<Omit<LogLine, 'app'>>(
        `SELECT at, source, dyno, text FROM lines
         WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR dyno = ?2 OR dyno LIKE ?2 || '.%')
         ORDER BY at DESC, seq DESC LIMIT ?3`,
        filter.source ?? null,
        filter.dyno ?? null,
        filter.lines,
      )
      .toArray()
      .reverse();
    const tail = new Tail(filter, () => this.#tails.delete(tail));
    tail.push(kept);
    if (filter.tail) this.#tails.add(tail);
    else tail.end();
    return tail.stream;
  }

  /** Forgets everything. */
  async destroy(): Promise<void> {
    for (const tail of this.#tails) tail.end();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#createTable();
    this.#drains = new Drains(this.ctx.storage, this.env);
  }

  drains(): Promise<Drain[]> {
    return this.#drains.list();
  }

  async addDrain(drain: Drain): Promise<void> {
    await this.#drains.add(drain);
  }

  /** Seals with the present key what another has sealed. */
  async reseal(): Promise<void> {
    await this.#drains.reseal();
  }

  removeDrain(id: string): void {
    this.#drains.remove(id);
  }

  override alarm(): Promise<void> {
    return this.#drains.deliver();
  }

  #createTable(): void {
    this.ctx.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS lines (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
         source TEXT NOT NULL, dyno TEXT NOT NULL, text TEXT NOT NULL
       )`,
    );
  }
}

/** One reader: a stream that never makes the log wait, and says how many lines it lost by being slow. */
class Tail {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #filter: LogFilter;
  readonly #waiting: Omit<LogLine, 'app'>[] = [];
  #lost = 0;
  #ended = false;
  #wake = Promise.withResolvers<void>();

  constructor(filter: LogFilter, onCancel: () => void) {
    this.#filter = filter;
    this.stream = new ReadableStream({
      type: 'bytes',
      pull: async (controller: ReadableByteStreamController) => {
        while (this.#waiting.length === 0 && !this.#ended) await this.#wake.promise;
        const text = this.#take();
        if (text) controller.enqueue(encoder.encode(text));
        if (this.#ended && this.#waiting.length === 0) {
          controller.close();
          controller.byobRequest?.respond(0);
        }
      },
      cancel: onCancel,
    });
  }

  push(lines: Omit<LogLine, 'app'>[]): void {
    const { source, dyno } = this.#filter;
    for (const line of lines) {
      if (source && line.source !== source) continue;
      if (dyno && line.dyno !== dyno && !line.dyno.startsWith(`${dyno}.`)) continue;
      this.#waiting.push(line);
    }
    const excess = this.#waiting.length - Math.max(TAIL_BUFFER_LINES, this.#filter.lines);
    if (excess > 0) {
      this.#waiting.splice(0, excess);
      this.#lost += excess;
    }
    this.#signal();
  }

  end(): void {
    this.#ended = true;
    this.#signal();
  }

  #signal(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  #take(): string {
    const text = this.#waiting.splice(0).map(formatLogLine).join('');
    const lost = this.#lost;
    this.#lost = 0;
    if (lost === 0) return text;
    const notice = `Error L10 (output buffer overflow): ${lost} messages dropped`;
    return formatLogLine({ at: Date.now(), source: 'heroku', dyno: 'logplex', text: notice }) + text;
  }
}
