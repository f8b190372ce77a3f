interface Options {
  /** How many failures a key may have in a window. */
  max: number;
  /** Milliseconds. */
  windowMs: number;
  /** How many keys are remembered; the oldest is forgotten first. */
  maxKeys: number;
}

/** Counts failures by key, such as an address, in bounded memory. */
export class FailureLimit {
  readonly #options: Options;
  readonly #windows = new Map<string, { failures: number; until: number }>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** How many milliseconds a key still has to wait; 0 when it may try. */
  waitMs(key: string, now = Date.now()): number {
    const window = this.#windows.get(key);
    return window && window.failures >= this.#options.max ? Math.max(0, window.until - now) : 0;
  }

  count(key: string, now = Date.now()): void {
    const window = this.#windows.get(key);
    if (window && window.until > now) {
      window.failures += 1;
      return;
    }
    this.#windows.delete(key);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= this.#options.maxKeys && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.set(key, { failures: 1, until: now + this.#options.windowMs });
  }
}
