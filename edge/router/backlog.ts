/** How many requests of one app may wait for their responses at a time, at this router. */
const MAX_WAITING = 1_000;

/** One that has waited this long has lost its client, with whom its I/O ends, or is an upload. Milliseconds. */
const FORGET_MS = 65_000;

/** Requests that wait, by app: an app that does not keep up takes no more than its share of the router. */
export class Backlog {
  readonly #max: number;
  readonly #waiting = new Map<string, Set<{ since: number }>>();

  constructor(max = MAX_WAITING) {
    this.#max = max;
  }

  /** Takes a request in; what is returned lets it out again. Undefined when too many of its app wait. */
  enter(app: string, now = Date.now()): (() => void) | undefined {
    const waiting = this.#waiting.get(app) ?? new Set();
    if (waiting.size >= this.#max) this.#forget(waiting, now - FORGET_MS);
    if (waiting.size >= this.#max) return undefined;
    const entry = { since: now };
    waiting.add(entry);
    this.#waiting.set(app, waiting);
    return () => {
      waiting.delete(entry);
      if (waiting.size === 0 && this.#waiting.get(app) === waiting) this.#waiting.delete(app);
    };
  }

  #forget(waiting: Set<{ since: number }>, before: number): void {
    for (const entry of waiting) {
      if (entry.since > before) break;
      waiting.delete(entry);
    }
  }
}
