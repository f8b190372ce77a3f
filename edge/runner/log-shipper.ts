import type { LogLine } from '../../schema/route.ts';
import type { Context } from '../router/route-cache.ts';

/** How long lines are gathered before they are sent. */
const GATHER_MS = 100;

/** How many lines may wait; what comes after that is dropped and counted. */
const MAX_WAITING = 20_000;

const MAX_BATCH = 2_000;

/** A sending that has taken this long belonged to a request whose I/O has ended with its client. */
const LOST_MS = 10_000;

/** Sends lines in batches. Costs the caller a push to an array. */
export class LogShipper {
  readonly #send: (lines: LogLine[]) => Promise<void>;
  #waiting: LogLine[] = [];
  #dropped = new Map<string, number>();
  #sendingSince: number | undefined;

  constructor(send: (lines: LogLine[]) => Promise<void>) {
    this.#send = send;
  }

  log(line: LogLine, context: Context): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped.set(line.app, (this.#dropped.get(line.app) ?? 0) + 1);
      return;
    }
    this.#waiting.push(line);
    if (this.#sendingSince === undefined || line.at - this.#sendingSince > LOST_MS) {
      this.#sendingSince = Date.now();
      context.waitUntil(this.#ship());
    }
  }

  async #ship(): Promise<void> {
    await scheduler.wait(GATHER_MS);
    const began = this.#sendingSince;
    while (this.#waiting.length > 0 && this.#sendingSince === began) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      batch.push(...this.#droppedLines());
      // The edge is starting or restarting: what it misses now is lost, as in Heroku's own log under load.
      await this.#send(batch).catch(() => {});
    }
    if (this.#sendingSince === began) this.#sendingSince = undefined;
  }

  *#droppedLines(): Generator<LogLine> {
    for (const [app, lines] of this.#dropped) {
      const text = `Error L10 (output buffer overflow): ${lines} messages dropped.`;
      yield { app, at: Date.now(), source: 'heroku', dyno: 'logplex', text };
    }
    this.#dropped.clear();
  }
}
