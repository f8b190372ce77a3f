import type { LogLine } from '../../schema/route.ts';
import type { Context } from '../router/route-cache.ts';

/** How long lines are gathered before they are sent. */
const GATHER_MS = 100;

/** How many lines of one app may wait; what comes after that is dropped and counted. */
const MAX_WAITING = 5_000;

const MAX_BATCH = 2_000;

/** A sending that has taken this long belonged to a request whose I/O has ended with its client. */
const LOST_MS = 10_000;

/** Sends lines in batches. Costs the caller a push to an array. */
export class LogShipper {
  readonly #send: (lines: LogLine[]) => Promise<void>;
  readonly #waiting: LogLine[] = [];
  /** How many lines of an app wait, and how many more there were. */
  readonly #counts = new Map<string, { waiting: number; dropped: number }>();
  #sendingSince: number | undefined;
  #sender: Context | undefined;

  constructor(send: (lines: LogLine[]) => Promise<void>) {
    this.#send = send;
  }

  log(line: LogLine, context: Context): void {
    const count = this.#countOf(line.app);
    if (count.waiting >= MAX_WAITING) {
      count.dropped += 1;
      return;
    }
    count.waiting += 1;
    this.#waiting.push(line);
    if (this.#sendingSince === undefined || line.at - this.#sendingSince > LOST_MS) {
      this.#sendingSince = line.at;
      this.#sender = context;
      context.waitUntil(this.#ship(line.at));
    }
  }

  /** Whether lines are being sent in the name of `context`, and would be lost with it. */
  sendsIn(context: Context): boolean {
    return this.#sendingSince !== undefined && this.#sender === context;
  }

  async #ship(began: number): Promise<void> {
    await scheduler.wait(GATHER_MS);
    while (this.#waiting.length > 0 && this.#sendingSince === began) {
      // What the edge misses while it starts is lost, as in Heroku's own log under load.
      await this.#send(this.#take()).catch(() => {});
    }
    if (this.#sendingSince === began) this.#sendingSince = undefined;
  }

  #take(): LogLine[] {
    const batch = this.#waiting.splice(0, MAX_BATCH);
    for (const { app } of batch) this.#countOf(app).waiting -= 1;
    for (const [app, { waiting, dropped }] of this.#counts) {
      if (dropped > 0) {
        const text = `Error L10 (output buffer overflow): ${dropped} messages dropped.`;
        batch.push({ app, at: Date.now(), source: 'heroku', dyno: 'logplex', text });
      }
      if (waiting === 0) this.#counts.delete(app);
      else this.#counts.set(app, { waiting, dropped: 0 });
    }
    return batch;
  }

  #countOf(app: string): { waiting: number; dropped: number } {
    let count = this.#counts.get(app);
    if (!count) {
      count = { waiting: 0, dropped: 0 };
      this.#counts.set(app, count);
    }
    return count;
  }
}
