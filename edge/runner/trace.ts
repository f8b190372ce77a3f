/** How often one app is named. Milliseconds. */
const EVERY_MS = 250;

/** How many apps' times are kept. */
const MAX_APPS = 1_000;

/** What a runner says in place of an app when it takes connections. */
export const READY = 'ready';

/**
 * Says which app gets the thread, before it does: when the thread does not come back, these lines are what the supervisor
 * knows. They go to the standard output at once, and begin with a word that no app knows.
 */
export class Trace {
  readonly #write: (line: string) => void;
  readonly #word: string;
  readonly #saidAt = new Map<string, number>();

  constructor(write: (line: string) => void, word: string) {
    this.#write = write;
    this.#word = word;
    write(`${word} ${READY}`);
  }

  entering(app: string): void {
    const now = Date.now();
    if (now - (this.#saidAt.get(app) ?? 0) < EVERY_MS) return;
    if (this.#saidAt.size >= MAX_APPS) this.#saidAt.clear();
    this.#saidAt.set(app, now);
    this.#write(`${this.#word} ${app}`);
  }
}
