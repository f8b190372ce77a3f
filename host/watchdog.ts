import type { Child } from './child.ts';

const EVERY_MS = 1_000;

/** A runner shares one thread among its apps: when it has not answered for this long, an app holds that thread. */
const PATIENCE_MS = 3_000;

/** A runner that has just started compiles and answers late. */
const GRACE_MS = 10_000;

/** Asks a process again and again whether it still answers, and kills it when it does not. */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;

  constructor(url: string, child: Child, name: string, report: (line: string) => void) {
    let answeredAt = Date.now() + GRACE_MS;
    let pid = child.pid;
    this.#timer = setInterval(async () => {
      if (child.pid !== pid) {
        pid = child.pid;
        answeredAt = Date.now() + GRACE_MS;
      }
      const alive = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
        (response) => response.ok,
        () => false,
      );
      if (alive) answeredAt = Math.max(answeredAt, Date.now());
      else if (Date.now() - answeredAt > PATIENCE_MS && child.pid === pid) {
        report(`${name} has not answered for ${PATIENCE_MS / 1000} s; it is killed`);
        answeredAt = Date.now() + GRACE_MS;
        child.kill();
      }
    }, EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
