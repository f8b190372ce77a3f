import type { Child } from './child.ts';
import { processStat } from './process-stat.ts';
import type { Usage } from './runtime-metrics.ts';

const EVERY_MS = 500;

/** A process whose thread sleeps, and has not answered for this long, waits for what never comes. Milliseconds. */
const PATIENCE_MS = 3_000;

/**
 * A thread that has computed this long without an answer will not come back: an interpreter that starts takes three
 * seconds. It is time of the processor, as on a machine with too much to do a healthy process answers late, too.
 */
const BUSY_MS = 4_000;

/** Without an answer for this long, it is ended whatever it does. Milliseconds. */
const LAST_PATIENCE_MS = 30_000;

/** What is wrong with a process, or was when it ended by itself, as the terminal and the logs have it. */
export interface Incident {
  kind: 'hang' | 'memory' | 'crash';
  text: string;
  /** Bytes it had. */
  memory: number;
}

export interface WatchdogOptions {
  /** Answers while all is well. */
  url: string;
  child: Child;
  /** Bytes. */
  memoryLimit: number;
  /** Called right before the process is killed. */
  onIncident(incident: Incident): void;
  /** Called each time that it is asked. */
  onUsage(usage: Usage): void;
}

/** Asks a process again and again whether it still answers, and how much memory it has; kills it when that is not well. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #timer: NodeJS.Timeout;
  #pid: number | undefined;
  /** When it was last well: milliseconds since 1970. */
  #answeredAt = Date.now();
  #cpuAtAnswer = 0;
  #memory = 0;
  /** It has answered since it was started: what has not may sleep until its parts are there. */
  #hasAnswered = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#check(), EVERY_MS);
    this.#timer.unref();
  }

  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** Bytes it had when that was last read. */
  get memory(): number {
    return this.#memory;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const { child, url, memoryLimit } = this.#options;
    const { pid } = child;
    if (pid === undefined) return;
    if (pid !== this.#pid) {
      this.#pid = pid;
      this.#answeredAt = Date.now();
      this.#cpuAtAnswer = 0;
      this.#hasAnswered = false;
    }
    const { memory = 0, cpuMs = 0 } = processStat(pid) ?? {};
    this.#memory = memory;
    this.#options.onUsage({ memory, cpuMs });
    if (memory > memoryLimit) {
      const [has, may] = [memory, memoryLimit].map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`);
      return this.#end({ kind: 'memory', text: `has ${has} of memory, and may have ${may}`, memory });
    }
    const alive = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      (response) => response.ok,
      () => false,
    );
    if (child.pid !== pid || this.#pid !== pid) return;
    if (alive) {
      this.#answeredAt = Date.now();
      this.#cpuAtAnswer = processStat(pid)?.cpuMs ?? 0;
      this.#hasAnswered = true;
    } else if (this.#hangs(pid)) {
      const seconds = ((Date.now() - this.#answeredAt) / 1000).toFixed(1);
      this.#end({ kind: 'hang', text: `has not answered for ${seconds} s`, memory });
    }
  }

  #hangs(pid: number): boolean {
    const silentMs = Date.now() - this.#answeredAt;
    if (silentMs < PATIENCE_MS) return false;
    const stat = processStat(pid);
    if (!stat || silentMs > LAST_PATIENCE_MS) return true;
    return stat.cpuMs - this.#cpuAtAnswer > BUSY_MS || (stat.sleeps && this.#hasAnswered);
  }

  #end(incident: Incident): void {
    this.#pid = undefined;
    this.#options.onIncident(incident);
    this.#options.child.kill();
  }
}
