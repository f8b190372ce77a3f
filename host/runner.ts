import type { WaitingRequest } from '../edge/router/router-log.ts';
import { READY } from '../edge/runner/trace.ts';
import type { Child, ChildOptions } from './child.ts';
import type { Usage } from './runtime-metrics.ts';
import { WaitingRequests } from './waiting-requests.ts';
import { type Incident, Watchdog } from './watchdog.ts';

/** Apps that had the thread so long before the last sign of life are beyond suspicion. Milliseconds. */
const SUSPECT_MS = 1_500;

/** How many apps a runner is known to have had. */
const MAX_APPS = 1_000;

export interface RunnerOptions {
  index: number;
  /** Its private socket. */
  port: number;
  /** The word before its trace; see edge/runner/trace.ts. */
  trace: string;
  memoryLimit: number;
  /** Starts the process; see ChildOptions. */
  run(handlers: Required<Pick<ChildOptions, 'onLine' | 'onCrash'>>): Child;
  onIncident(runner: Runner, incident: Incident): void;
  /** Called twice a second. */
  onUsage?(usage: Usage): void;
}

/** A runner's process, and which apps have had its thread. */
export class Runner {
  readonly index: number;
  readonly child: Child;
  readonly url: string;
  readonly #watchdog: Watchdog;
  /** When each app last got the thread, the latest last. */
  readonly #entered = new Map<string, number>();
  #ready = Promise.withResolvers<void>();
  #waiting: WaitingRequests | undefined;

  constructor({ index, port, trace, memoryLimit, run, onIncident, onUsage = () => {} }: RunnerOptions) {
    this.index = index;
    this.url = `http://127.0.0.1:${port}`;
    this.child = run({
      onLine: (line) => {
        if (!line.startsWith(`${trace} `)) return false;
        const word = line.slice(trace.length + 1);
        if (word === READY) this.#isReady(trace);
        else this.#enter(word);
        return true;
      },
      onCrash: (how) => {
        onIncident(this, { kind: 'crash', text: `crashed ${how}`, memory: this.#watchdog.memory });
      },
    });
    this.#watchdog = new Watchdog({
      url: `${this.url}/ping`,
      child: this.child,
      memoryLimit,
      onIncident: (incident) => onIncident(this, incident),
      onUsage,
    });
  }

  /** Apps that may hold the thread, the likeliest first: who had it last, or where nobody had, who is there at all. */
  suspects(): string[] {
    const apps = [...this.#entered].reverse();
    const since = this.#watchdog.answeredAt - SUSPECT_MS;
    const lately = apps.filter(([, at]) => at >= since);
    return (lately.length > 0 ? lately : apps).map(([app]) => app);
  }

  /** The requests that it has not answered. */
  waiting(): WaitingRequest[] {
    return this.#waiting?.read() ?? [];
  }

  /** Forgets who was there: it starts anew. */
  forget(): void {
    this.#entered.clear();
  }

  /** Starts it anew, without a moment when nobody takes connections. */
  async replace(): Promise<void> {
    this.#ready = Promise.withResolvers();
    await this.child.replace(this.#ready.promise);
  }

  async stop(): Promise<void> {
    this.#watchdog.stop();
    await this.child.stop();
  }

  #isReady(trace: string): void {
    this.#ready.resolve();
    const { pid } = this.child;
    this.#waiting = undefined;
    if (pid === undefined) return;
    WaitingRequests.find(pid, trace).then((waiting) => {
      if (this.child.pid === pid) this.#waiting = waiting;
    });
  }

  #enter(app: string): void {
    this.#entered.delete(app);
    const [oldest] = this.#entered.keys();
    if (this.#entered.size >= MAX_APPS && oldest !== undefined) this.#entered.delete(oldest);
    this.#entered.set(app, Date.now());
  }
}
