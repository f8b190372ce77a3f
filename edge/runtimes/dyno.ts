import { DurableObject } from 'cloudflare:workers';
import type { DynoStatus, LogLine, Route } from '../../schema/route.ts';
import { type DynoName, processType } from './dyno-name.ts';
import { failure, isUnprepared } from './failure.ts';
import type { GeneratedStore } from './generated-store.ts';
import { Instance, type Release } from './instance.ts';
import type { Answered } from './link/link.ts';
import type { RequestHead } from './link/protocol.ts';
import type { Slug } from './slug.ts';
import { defaultTimeouts, type Timeouts } from './timeouts.ts';

/** What a Dyno needs of the Worker that it is part of. */
export interface DynoHost {
  loader: WorkerLoader;
  /** Where the app's own connections go; without it, to wherever this Worker's may. */
  outbound?: Fetcher;
  /** See RuntimeOptions. */
  evaluates?: boolean;
  /** The current route of the app that answers to `host`, or null. */
  route(host: string): Promise<Route | null>;
  /** The slug with this SHA-256. */
  slug(sha256: string): Promise<Slug>;
  /** The source map with this SHA-256. */
  sourceMap(sha256: string): Promise<string>;
  log(line: LogLine): void;
  /** What apps make of text, kept for their next start; needed where `evaluates` is not set. */
  generated?: GeneratedStore;
  /** Called when a call of the object has arrived. */
  arrived?(): void;
  /**
   * Whether no call is on its way to the object, and nothing that others need is done in its name. Absent where the
   * platform evicts objects by itself.
   */
  isQuiet?(): boolean;
  /** What is not Heroku's own. */
  timeouts?: Partial<Timeouts>;
  /** Where objects of this isolate can be asked; without it, requests come as calls alone. By the names of the objects. */
  links?: Map<string, Ask>;
}

/** See Instance.ask. */
export type Ask = Instance['ask'];

/** How soon a crashed process is started again: at once, then later each time that it crashes again. */
const RESTART_DELAYS_MS = [0, 1_000, 10_000, 60_000, 300_000];

/** How often, and how many times, an object without a process looks whether it can be let go. */
const LOOK_EVERY_MS = 1_000;
const MAX_LOOKS = 60;

/** An app that makes others at every request would be started anew for ever. */
const MAX_RENEWALS = 50;

/** A process that was up for this long did not crash at its start: it is started again at once. */
const STABLE_MS = 60_000;

/**
 * One process of an app, as Heroku knows it. A Durable Object, because all that happens in one shares an I/O context:
 * the app, which runs as a facet of it, has timers, promises and pools that live from request to request as in a
 * Node.js process.
 */
export abstract class DynoObject<Env> extends DurableObject<Env> {
  protected abstract readonly host: DynoHost;
  /** Serves. */
  #current: Instance | undefined;
  /** Is to serve when it is up. */
  #next: Instance | undefined;
  /** Those that have not ended. */
  readonly #alive = new Set<Instance>();
  /** What runs as soon as the instances before have ended: a background process is never there twice. */
  #awaiting: Release | undefined;
  /** Resolves when every instance that was told to stop has ended. */
  #ended: Promise<unknown> = Promise.resolve();
  /** The newest route asked for. */
  #revision = -1;
  #crashes = 0;
  /** How often the release was started anew with more that it makes of text. */
  #renewals = 0;
  /** Requests that wait for a route, before there is an instance. */
  #loading = 0;
  /** When it was asked for last, or started: milliseconds since 1970. */
  #wantedAt = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  override async fetch(request: Request): Promise<Response> {
    this.host.arrived?.();
    for (const instance of this.#alive) {
      const stream = instance.stream(request.url);
      if (stream) return stream;
    }
    this.#want();
    let instance = this.#current ?? this.#next ?? (await this.#load(new URL(request.url).hostname));
    while (instance?.state === 'starting') {
      await instance.booted;
      // A newer release may have taken its place meanwhile.
      instance = this.#current ?? this.#next;
    }
    return instance ? this.#ask(instance, request) : failure('H14');
  }

  /** Has a request answered that its app can answer only after a new start, with what it makes of text. */
  async #ask(instance: Instance, request: Request): Promise<Response> {
    const response = await instance.fetch(request);
    if (!isUnprepared(response)) return response;
    await instance.outdated;
    await this.#next?.booted;
    const next = this.#current;
    return next && next !== instance ? this.#ask(next, request) : failure('H10');
  }

  /** Asks the instance that serves, in the I/O context of the request: timers are not this object's there. */
  #askLink(request: RequestHead, onAnswer: () => void): Promise<Answered> | undefined {
    const asked = this.#current?.ask(request, onAnswer);
    if (asked) this.#wantedAt = Date.now();
    return asked;
  }

  /**
   * Runs the route's release from now on. `web`: resolves when it is up or has crashed; until then the release before
   * serves, and then finishes what it has begun. Others: resolves at once, and the release before ends first. A newer
   * route takes the place of one that is still starting.
   */
  async run(route: Route): Promise<void> {
    this.host.arrived?.();
    if (!route.release || route.revision < this.#revision) return;
    this.#revision = route.revision;
    const newest = this.#next ?? this.#current;
    if (newest?.release.id === route.release.id) return newest.booted;
    if (this.#awaiting?.id === route.release.id) return;
    this.#renewals = 0;
    this.#want();
    await this.#replaceWith(route.release);
  }

  /** Starts the process anew, if it runs at all; does not wait for it. */
  restart(): void {
    this.host.arrived?.();
    const release = this.#awaiting ?? (this.#next ?? this.#current)?.release;
    if (!release) return;
    this.#log('Restarting');
    this.ctx.waitUntil(this.#replaceWith(release));
  }

  /** How it is with the process. */
  status(): DynoStatus {
    this.host.arrived?.();
    const { dyno: name } = this.name;
    const instance = this.#next ?? this.#current;
    if (instance) {
      const { id, state, since, release } = instance;
      return {
        name,
        id,
        state: state === 'stopped' ? 'down' : state,
        since,
        release: { id: release.id, version: release.version },
      };
    }
    const awaiting = this.#awaiting;
    const release = awaiting ? { id: awaiting.id, version: awaiting.version } : null;
    return { name, id: null, state: awaiting ? 'starting' : 'idle', since: null, release };
  }

  async #replaceWith(release: Release): Promise<void> {
    this.#crashes = 0;
    if (processType(this.name.dyno) === 'web') await this.#switchTo(release);
    else this.#startAfterwards(release);
  }

  #startAfterwards(release: Release): void {
    const old = this.#current;
    this.#current = undefined;
    this.#awaiting = release;
    this.#end(old);
    const starting = this.#ended.then(() => {
      if (this.#awaiting !== release) return;
      this.#awaiting = undefined;
      this.#current = this.#start(release);
    });
    this.ctx.waitUntil(starting);
  }

  /** Tells an instance to stop, and keeps this object until it has. */
  #end(instance: Instance | undefined): void {
    if (!instance) return;
    this.#ended = Promise.all([this.#ended, instance.stop().then(() => this.#alive.delete(instance))]);
    this.ctx.waitUntil(this.#ended);
  }

  async #switchTo(release: Release): Promise<void> {
    const overtaken = this.#next;
    const next = this.#start(release);
    this.#next = next;
    this.#end(overtaken);
    await next.booted;
    if (this.#next !== next) return this.#next?.booted;
    const old = this.#current;
    this.#current = next;
    this.#next = undefined;
    this.#end(old);
  }

  /** Takes no more requests, and ends the process once it has finished what it has begun. */
  async stop(): Promise<void> {
    this.host.arrived?.();
    for (const instance of [this.#current, this.#next]) this.#end(instance);
    this.#current = undefined;
    this.#next = undefined;
    this.#awaiting = undefined;
    this.#revision = -1;
    this.ctx.waitUntil(this.#letGo());
  }

  /**
   * Ends this object some time after its process has ended; the next call makes it anew. An isolate lives as long as the
   * object that it was a facet of, and workerd does not evict objects in which timers are to go on.
   */
  async #letGo(): Promise<void> {
    const { isQuiet } = this.host;
    if (!isQuiet) return;
    await this.#ended;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      await scheduler.wait(LOOK_EVERY_MS);
      if (this.#current || this.#next || this.#awaiting) return;
      if (this.#loading === 0 && isQuiet()) {
        this.host.links?.delete(this.#key);
        this.ctx.abort('Its process has ended.');
      }
    }
  }

  /** A web process that nobody asks for sleeps after a while, and the next request wakes it. */
  #want(): void {
    this.#wantedAt = Date.now();
    const { idleMs } = { ...defaultTimeouts, ...this.host.timeouts };
    if (idleMs === 0 || processType(this.name.dyno) !== 'web') return;
    this.#idleTimer ??= setTimeout(() => this.ctx.waitUntil(this.#sleepAfter(idleMs)), idleMs);
  }

  async #sleepAfter(idleMs: number): Promise<void> {
    const instance = this.#current;
    // A request that goes on, such as server-sent events, counts as one now.
    if (await instance?.busy()) this.#wantedAt = Date.now();
    const left = this.#wantedAt + idleMs - Date.now();
    this.#idleTimer = left > 0 ? setTimeout(() => this.ctx.waitUntil(this.#sleepAfter(idleMs)), left) : undefined;
    if (left > 0 || !instance || instance !== this.#current) return;
    this.#log('Idling');
    this.#log(`State changed from ${instance.state} to down`);
    this.ctx.waitUntil(this.stop());
  }

  /** After it has slept, and after a restart of the runner or of this object, the first request starts the app. */
  async #load(host: string): Promise<Instance | undefined> {
    this.#loading += 1;
    const route = await this.host.route(host).finally(() => {
      this.#loading -= 1;
    });
    const { dyno } = this.name;
    const [type = '', number] = dyno.split('.');
    if (route && Number(number) <= (route.formation[type] ?? 0)) this.ctx.waitUntil(this.run(route));
    return this.#current ?? this.#next;
  }

  get #key(): string {
    return this.ctx.id.name ?? '';
  }

  protected get name(): DynoName {
    const [app = '', dyno = ''] = this.#key.split('/');
    return { app, dyno };
  }

  #log(text: string): void {
    this.host.log({ ...this.name, at: Date.now(), source: 'heroku', text });
  }

  #start(release: Release): Instance {
    const instance = new Instance({
      ctx: this.ctx,
      host: this.host,
      name: this.name,
      release,
      learns: this.#renewals < MAX_RENEWALS,
    });
    this.#alive.add(instance);
    this.host.links?.set(this.#key, (request, onAnswer) => this.#askLink(request, onAnswer));
    this.ctx.waitUntil(instance.crashed.then(() => this.#restart(instance)));
    this.ctx.waitUntil(instance.outdated.then((isOutdated) => (isOutdated ? this.#renew(instance) : undefined)));
    return instance;
  }

  /** Starts a process anew that lacks what it makes of text. */
  async #renew(outdated: Instance): Promise<void> {
    if (this.#current !== outdated || this.#next) return;
    this.#renewals += 1;
    this.#log('Restarting, as the app makes functions of text');
    await this.#replaceWith(outdated.release);
  }

  async #restart(crashed: Instance): Promise<void> {
    this.#alive.delete(crashed);
    if (crashed.wasUpMs > STABLE_MS) this.#crashes = 0;
    const delay = RESTART_DELAYS_MS[Math.min(this.#crashes, RESTART_DELAYS_MS.length - 1)] ?? 0;
    this.#crashes += 1;
    await scheduler.wait(delay);
    if (this.#current !== crashed) return;
    this.#log('State changed from crashed to starting');
    this.#current = this.#start(crashed.release);
  }
}
