/**
 * The runners that all apps share, and what becomes of an app that harms one. A runner has one thread: an endless loop
 * in any app stops all of its apps, and the process is killed. Nothing says for sure which app it was, so those that had
 * the thread last are suspects, and each gets a runner of its own, where it harms nobody else. One that harms it again is
 * guilty: it waits longer each time before it is started again, as Heroku has it for crashes ("Dyno Crash Restart
 * Policy"). One that does well for a while goes back among the others.
 */
import { closeSync } from 'node:fs';
import { routerLine } from '../edge/router/router-log.ts';
import type { LogLine } from '../schema/route.ts';
import { openSockets, type Socket } from './listen.ts';
import { Runner, type RunnerOptions } from './runner.ts';
import { memoryLine, RuntimeMetrics, type Usage } from './runtime-metrics.ts';
import type { Incident } from './watchdog.ts';

/** How long before the next start, after each incident that an app is guilty of. Milliseconds. */
const BACKOFF_MS = [0, 1_000, 10_000, 60_000, 300_000];

/** How long a suspect has to do well. Milliseconds. */
const PROBATION_MS = 2 * 60_000;

/** The same for an app that was found guilty. */
const GUILTY_PROBATION_MS = 15 * 60_000;

/** Where an app runs from now on; see edge/platform/confinement.ts. */
export interface Confinement {
  app: string;
  runner: number | null;
  halted: boolean;
  lines: string[];
}

export interface RunnerPoolOptions {
  /** Private sockets of the shared runners. */
  shared: Socket[];
  /** Ports for the private sockets of lone runners: how many there are is how many apps can be alone. */
  lonePorts: number[];
  /** Starts a runner's process with its private socket. */
  spawn(index: number, socket: Socket, handlers: Parameters<RunnerOptions['run']>[0]): ReturnType<RunnerOptions['run']>;
  trace: string;
  memoryLimit: number;
  /** Has the edge write it down and tell the routers. */
  confine(order: Confinement): Promise<void>;
  /** Has the edge write lines to the logs of apps. */
  log(lines: LogLine[]): Promise<void>;
  report(line: string): void;
}

/** An app that has a runner of its own. */
interface Lone {
  app: string;
  socket: Socket;
  runner: Runner;
  incidents: number;
  metrics: RuntimeMetrics;
  timer: NodeJS.Timeout | undefined;
}

export class RunnerPool {
  readonly #options: RunnerPoolOptions;
  readonly #shared: Runner[];
  /** By the place of their port; undefined for one that is free. */
  readonly #lone: (Lone | undefined)[];
  #stopping = false;

  constructor(options: RunnerPoolOptions) {
    this.#options = options;
    this.#lone = options.lonePorts.map(() => undefined);
    this.#shared = options.shared.map((socket, index) =>
      this.#start(index, socket, { onIncident: (runner, incident) => this.#sharedIncident(runner, incident) }),
    );
  }

  /** Starts all runners anew, one after the other, while every connection is taken and every answer ends. */
  async replace(): Promise<void> {
    for (const runner of [...this.#shared, ...this.#lone.flatMap((lone) => lone?.runner ?? [])]) await runner.replace();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const lone of this.#lone) clearTimeout(lone?.timer);
    const all = [...this.#shared, ...this.#lone.flatMap((lone) => lone?.runner ?? [])];
    await Promise.all(all.map((runner) => runner.stop()));
  }

  #start(
    index: number,
    socket: Socket,
    { onIncident, onUsage }: Pick<RunnerOptions, 'onIncident' | 'onUsage'>,
  ): Runner {
    const { trace, memoryLimit, spawn } = this.#options;
    const run: RunnerOptions['run'] = (handlers) => spawn(index, socket, handlers);
    const onEnd: RunnerOptions['onIncident'] = (runner, incident) => {
      this.#logWaiting(runner);
      onIncident(runner, incident);
    };
    return new Runner({ index, port: socket.port, trace, memoryLimit, run, onIncident: onEnd, onUsage });
  }

  /** The router in a runner that is killed cannot write what becomes of the requests in it. */
  #logWaiting(runner: Runner): void {
    const now = Date.now();
    const lines = runner.waiting().map((request): LogLine => {
      const text = routerLine({ ...request, serviceMs: now - request.at, status: 503, bytes: '0', code: 'H13' });
      return { app: request.app, at: now, source: 'heroku', dyno: 'router', text };
    });
    if (lines.length > 0) this.#log(lines);
  }

  #sharedIncident(runner: Runner, incident: Incident): void {
    const alone = new Set(this.#lone.map((lone) => lone?.app));
    const suspects = runner.suspects().filter((app) => !alone.has(app));
    runner.forget();
    this.#options.report(
      `runner ${runner.index} ${incident.text}${fate(incident)}, and ${suspects.length || 'no'} of its apps may be why`,
    );
    const guilty = suspects.length === 1;
    const free = this.#lone.flatMap((lone, place) => (lone ? [] : [place]));
    for (const [i, app] of suspects.slice(0, free.length).entries()) {
      this.#isolate(app, free[i] ?? 0, guilty ? incident : undefined).catch((error: Error) =>
        this.#options.report(`app ${app} got no runner of its own: ${error.message}`),
      );
    }
  }

  /** Gives an app a runner of its own. */
  async #isolate(app: string, place: number, guiltyOf: Incident | undefined): Promise<void> {
    const number = this.#options.shared.length + place;
    const told = this.#options.confine({
      app,
      runner: number,
      halted: true,
      lines: guiltyOf
        ? deathOf(guiltyOf)
        : ['The runner that this app shares was stopped; for now the app has one of its own'],
    });
    const [socket] = await openSockets([{ host: '127.0.0.1', port: this.#options.lonePorts[place] ?? 0 }]);
    if (!socket || this.#stopping) return;
    const runner = this.#start(number, socket, {
      onIncident: (_, incident) => this.#loneIncident(place, incident),
      onUsage: (usage) => this.#measure(place, usage),
    });
    this.#lone[place] = {
      app,
      socket,
      runner,
      incidents: guiltyOf ? 1 : 0,
      metrics: new RuntimeMetrics('web.1', Date.now()),
      timer: undefined,
    };
    await told;
    this.#resume(place);
  }

  #loneIncident(place: number, incident: Incident): void {
    const lone = this.#lone[place];
    if (!lone) return;
    const waitMs = BACKOFF_MS[Math.min(lone.incidents, BACKOFF_MS.length - 1)] ?? 0;
    lone.incidents += 1;
    this.#options.report(`runner ${lone.runner.index} of app ${lone.app} alone ${incident.text}${fate(incident)}`);
    clearTimeout(lone.timer);
    this.#tell(place, true, deathOf(incident));
    lone.timer = setTimeout(() => this.#resume(place), waitMs);
  }

  /** What a runner of one app takes is that app's. */
  #measure(place: number, usage: Usage): void {
    const lone = this.#lone[place];
    if (!lone) return;
    const at = Date.now();
    const lines = lone.metrics.sample(usage, at);
    if (lines.length > 0) {
      this.#log(lines.map((text) => ({ app: lone.app, at, source: 'heroku', dyno: 'web.1', text })));
    }
  }

  #log(lines: LogLine[]): void {
    this.#options
      .log(lines)
      .catch((error: Error) => this.#options.report(`${lines.length} log lines are lost: ${error.message}`));
  }

  /** Lets the app run again, and back among the others when it has done well. */
  #resume(place: number): void {
    const lone = this.#lone[place];
    if (!lone || this.#stopping) return;
    this.#tell(place, false, lone.incidents > 0 ? ['State changed from crashed to starting'] : []);
    lone.timer = setTimeout(() => this.#release(place), lone.incidents > 0 ? GUILTY_PROBATION_MS : PROBATION_MS);
  }

  async #release(place: number): Promise<void> {
    const lone = this.#lone[place];
    if (!lone || this.#stopping) return;
    try {
      await this.#options.confine({ app: lone.app, runner: null, halted: false, lines: [] });
    } catch {
      // The edge starts anew; the app stays where it is until the edge takes orders.
      lone.timer = setTimeout(() => this.#release(place), PROBATION_MS);
      return;
    }
    await lone.runner.stop();
    closeSync(lone.socket.fd);
    this.#lone[place] = undefined;
  }

  #tell(place: number, halted: boolean, lines: string[]): void {
    const lone = this.#lone[place];
    if (!lone) return;
    this.#options
      .confine({ app: lone.app, runner: lone.runner.index, halted, lines })
      .catch((error: Error) => this.#options.report(`the edge was not told of app ${lone.app}: ${error.message}`));
  }
}

/** What becomes of a runner, after what is wrong with it. */
const fate = ({ kind }: Incident): string => (kind === 'crash' ? '' : '; it is killed');

/** What the log of an app says of its process that has ended, after Heroku's "Error Codes". */
function deathOf({ kind, memory, text }: Incident): string[] {
  const crashed = 'State changed from up to crashed';
  const killed = ['Stopping process with SIGKILL', 'Process exited with status 137', crashed];
  switch (kind) {
    case 'hang':
      return [`Process ${text}: it holds its thread`, ...killed];
    case 'memory':
      return [memoryLine(memory), 'Error R15 (Memory quota vastly exceeded)', ...killed];
    case 'crash':
      return [memoryLine(memory), `Process ${text}`, crashed];
  }
}
