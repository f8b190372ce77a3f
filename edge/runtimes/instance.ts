import type { LogLine, Route } from '../../schema/route.ts';
import type { DynoHost } from './dyno.ts';
import { type DynoName, processType } from './dyno-name.ts';
import { type FailureCode, failure, SAFE_METHODS, unprepared } from './failure.ts';
import type { GeneratedCode, InstanceEvent, Instance as Protocol } from './instance-protocol.ts';
import { type Answered, Link } from './link/link.ts';
import type { RequestHead } from './link/protocol.ts';
import { takesLink, workerCode } from './runtime.ts';
import { SourceMaps } from './source-maps.ts';
import { defaultTimeouts, type Timeouts } from './timeouts.ts';

export type Release = NonNullable<Route['release']>;

/** Between SIGTERM and SIGKILL (Heroku's "Dynos and the Dyno Manager", "Graceful shutdown with SIGTERM"). */
const STOP_TIMEOUT_MS = 30_000;

/** After its last request, so that what a response left in pipes is through. */
const LINGER_MS = 1_000;

/** The same for a process without requests, which leaves only output. */
const LAST_WORDS_MS = 100;

/** How often an app is started anew at most before it is up, with what it makes of text when it starts. */
const MAX_PREPARATIONS = 20;

/** Bytes of a body that arrives at once. */
const SMALL_BODY = 64 * 1024;

type Facet = Fetcher & Protocol;
type State = 'starting' | 'up' | 'crashed' | 'stopped';

/** What a shell says of a process that SIGTERM has ended, and of one that SIGKILL has. */
const TERMINATED = 143;
const KILLED = 137;

let count = 0;

/** One life of a process: from its start to its crash, or until it is stopped. */
export class Instance {
  readonly id = crypto.randomUUID();
  readonly release: Release;
  /** Resolves when the app listens, has crashed or is stopped. */
  readonly booted: Promise<void>;
  /** Resolves when the app has ended by itself. */
  readonly crashed: Promise<void>;
  /** Resolves to true when the app lacks functions that it makes of text, and would have them after a new start. */
  readonly outdated: Promise<boolean>;
  /** When it came into its state: milliseconds since 1970. */
  since = Date.now();
  readonly #ctx: DurableObjectState;
  readonly #host: DynoHost;
  readonly #timeouts: Timeouts;
  readonly #name: DynoName;
  readonly #learns: boolean;
  readonly #booted = Promise.withResolvers<void>();
  readonly #crashed = Promise.withResolvers<void>();
  readonly #outdated = Promise.withResolvers<boolean>();
  /** Requests without a response so far, the next to run out of time first. */
  readonly #waiting = new Set<Waiting>();
  #facetName = '';
  #preparations = 0;
  #isOutdated = false;
  #state: State = 'starting';
  #bootTimedOut = false;
  #exitCode: number | undefined;
  #wasUpMs = 0;
  #facet: Facet | undefined;
  #link: Link | undefined;
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #sourceMaps: SourceMaps | undefined;
  /** Resolves when every line is written that waits for a source map; undefined when none does. */
  #written: Promise<void> | undefined;

  /** @param options.learns whether it may tell that it is outdated */
  constructor(options: { ctx: DurableObjectState; host: DynoHost; name: DynoName; release: Release; learns: boolean }) {
    this.#ctx = options.ctx;
    this.#host = options.host;
    this.#timeouts = { ...defaultTimeouts, ...options.host.timeouts };
    this.#name = options.name;
    this.release = options.release;
    this.#learns = options.learns;
    this.outdated = this.#outdated.promise;
    this.booted = this.#booted.promise;
    this.crashed = this.#crashed.promise;
    this.#ctx.waitUntil(this.#run());
  }

  get state(): State {
    return this.#state;
  }

  /** How long it was up before it crashed. Milliseconds. */
  get wasUpMs(): number {
    return this.#wasUpMs;
  }

  /** Only `web` is asked for anything, and is up when it listens; others are up when they run. */
  get #isWeb(): boolean {
    return processType(this.#name.dyno) === 'web';
  }

  /** Serves a request by the app; where that cannot be, answers a `failure`. */
  async fetch(request: Request): Promise<Response> {
    if (this.#state !== 'up' || !this.#facet) return this.#failure(request, this.#bootTimedOut ? 'H20' : 'H10');
    const { promise: failed, resolve } = Promise.withResolvers<Response>();
    const waiting = this.#wait((code) => resolve(this.#failure(request, code)));
    this.#sweepInTime();
    try {
      return await Promise.race([this.#facet.fetch(this.#watched(request, waiting)), failed]);
    } catch {
      return this.#failure(request, 'H13');
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  /** One that lacks what the app makes of text is none of the app's, where the request can be made again. */
  #failure({ method }: Request, code: FailureCode): Response {
    return this.#isOutdated && SAFE_METHODS.has(method) ? unprepared() : failure(code);
  }

  /**
   * The same for a request without a body, called in the I/O context of that request itself: by the link, or undefined
   * where there is none or the app does not run.
   *
   * @param onAnswer called when there is an answer, also where nobody waits for it any more
   */
  ask(request: RequestHead, onAnswer: () => void): Promise<Answered> | undefined {
    if (this.#state !== 'up' || !this.#link) return undefined;
    const { promise, resolve } = Promise.withResolvers<Answered>();
    const settle = (answered: Answered) => {
      this.#waiting.delete(waiting);
      onAnswer();
      resolve(answered);
    };
    const waiting = this.#wait((code) => {
      forget();
      settle({ code });
    });
    const forget = this.#link.ask(request, settle);
    return promise;
  }

  /** The stream that it has offered by this URL, if it has; also after it was told to stop. */
  stream(url: string): Promise<Response> | undefined {
    if (!this.#facet || !this.#link?.has(url)) return undefined;
    return this.#link.fetch(this.#facet, url).catch(() => failure('H13'));
  }

  /** Whether a client is still reading a response, or has a WebSocket open. */
  async busy(): Promise<boolean> {
    if (this.#waiting.size > 0) return true;
    return (await this.#facet?.busy().catch(() => false)) ?? false;
  }

  /** Ends it after what it has begun, in STOP_TIMEOUT_MS at most. */
  async stop(): Promise<void> {
    const facet = this.#facet;
    const before = this.#state;
    this.#become('stopped');
    this.#booted.resolve();
    if (before === 'starting' || before === 'up') {
      this.#log('Stopping all processes with SIGTERM');
      const code = facet && before === 'up' ? await this.#terminate(facet) : TERMINATED;
      this.#log(`Process exited with status ${code}`);
    }
    this.#abort();
  }

  /** @returns the exit code */
  async #terminate(facet: Facet): Promise<number> {
    const late = scheduler.wait(STOP_TIMEOUT_MS).then(() => 'late' as const);
    if ((await Promise.race([this.#finish(facet), late])) !== 'late') return this.#exitCode ?? TERMINATED;
    this.#log(
      `Error R12 (Exit timeout) -> At least one process failed to exit within ${STOP_TIMEOUT_MS / 1000} seconds of SIGTERM`,
    );
    this.#log('Stopping remaining processes with SIGKILL');
    return KILLED;
  }

  async #finish(facet: Facet): Promise<void> {
    while (this.#waiting.size > 0) await scheduler.wait(10);
    await facet.stop().catch(() => {});
    // What it wrote last is on its way, and so is its exit code.
    await scheduler.wait(this.#isWeb ? LINGER_MS : LAST_WORDS_MS);
  }

  async #run(): Promise<void> {
    if (this.#isWeb) this.#limitBoot();
    try {
      for (let isAgain = true; isAgain; ) {
        this.#facetName = `process-${++count}`;
        const events = await this.#boot();
        if (!this.#isWeb) this.#up();
        isAgain = await this.#follow(events);
      }
    } catch (error) {
      // The isolate did not start, as of a module that does not parse, or workerd has ended it.
      if (this.#state === 'starting' || this.#state === 'up') {
        for (const line of String(error).split('\n')) this.#output(line);
      }
    }
    this.#crash(1);
  }

  #limitBoot(): void {
    const { bootMs } = this.#timeouts;
    const timeout = setTimeout(() => {
      this.#log(
        `Error R10 (Boot timeout) -> Web process failed to bind to $PORT within ${bootMs / 1000} seconds of launch`,
      );
      this.#bootTimedOut = true;
      this.#crash(KILLED);
    }, bootMs);
    this.booted.finally(() => clearTimeout(timeout));
  }

  async #boot(): Promise<ReadableStream<Uint8Array>> {
    const { release } = this;
    const slug = await this.#host.slug(release.slug);
    const type = processType(this.#name.dyno);
    const process = slug.manifest.processTypes[type];
    if (!process) throw new Error(`The slug has no process type ${type}.`);
    this.#sourceMaps = new SourceMaps(slug.manifest.maps ?? {}, (sha256) => this.#host.sourceMap(sha256));
    this.#log(`Starting process with command \`${process.command}\``);
    if (!process.entry) {
      throw new Error(
        `\`${process.command}\` is no command of the ${slug.manifest.runtime} runtime. The build's log says more.`,
      );
    }
    const worker = this.#host.loader.load(
      workerCode(slug, {
        config: release.config,
        dyno: this.#name.dyno,
        version: release.version,
        outbound: this.#host.outbound,
        evaluates: this.#host.evaluates ?? false,
        generated: (await this.#host.generated?.read(this.#name.app)) ?? [],
        learns: this.#learns && this.#preparations < MAX_PREPARATIONS,
      }),
    );
    const start = () => ({ class: worker.getDurableObjectClass('App') });
    const facet = this.#ctx.facets.get(this.#facetName, start) as unknown as Facet;
    this.#facet = facet;
    const link = this.#isWeb && this.#host.links && takesLink(slug) ? crypto.randomUUID() : undefined;
    const events = await facet.boot({
      module: `./code/${process.entry}`,
      files: new Blob([slug.files]).stream(),
      date: Date.parse(release.createdAt),
      link,
    });
    if (link) this.#link = await Link.open(facet, { host: link, onPassed: () => this.#sweepInTime() });
    return events;
  }

  /** Handles what the app tells, to its end; whether it is to be started again with what it makes of text. */
  async #follow(events: ReadableStream<Uint8Array>): Promise<boolean> {
    const decoder = new TextDecoder();
    let rest = '';
    let isLacking = false;
    for await (const chunk of events) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      const told = lines.map((line): InstanceEvent => JSON.parse(line));
      const lacking = told.flatMap((event) => (event.type === 'generates' ? [event.code] : []));
      if (lacking.length > 0) {
        isLacking = true;
        await this.#learn(lacking);
      }
      for (const event of told) {
        // What it does at its start without those functions is not what it does.
        if (!isLacking || this.#state !== 'starting') this.#handle(event);
        else if (event.type === 'listening' || event.type === 'exit') return this.#beginAgain();
      }
    }
    return false;
  }

  async #learn(codes: readonly GeneratedCode[]): Promise<void> {
    await this.#host.generated?.add(this.#name.app, codes);
    if (this.#state !== 'up') return;
    this.#isOutdated = true;
    this.#outdated.resolve(true);
  }

  #beginAgain(): boolean {
    if (this.#state !== 'starting') return false;
    this.#preparations += 1;
    this.#log('Starting again, as the app makes functions of text');
    this.#abortFacet('It starts again.');
    return true;
  }

  #handle(event: InstanceEvent): void {
    if (event.type === 'output') this.#output(event.text, event.at);
    if (event.type === 'listening') this.#up();
    if (event.type !== 'exit') return;
    this.#exitCode = event.code;
    this.#crash(event.code);
  }

  #up(): void {
    if (this.#state !== 'starting') return;
    this.#log('State changed from starting to up');
    this.#become('up');
    this.#booted.resolve();
  }

  #become(state: State): void {
    this.#state = state;
    this.since = Date.now();
  }

  #crash(code: number): void {
    if (this.#state === 'crashed' || this.#state === 'stopped') return;
    this.#log(`Process exited with status ${code}`);
    this.#log(`State changed from ${this.#state} to crashed`);
    this.#wasUpMs = this.#state === 'up' ? Date.now() - this.since : 0;
    this.#become('crashed');
    this.#booted.resolve();
    this.#abort();
    if (!this.#isOutdated) this.#crashed.resolve();
  }

  #abort(): void {
    this.#facet = undefined;
    this.#link?.close();
    this.#link = undefined;
    if (this.#sweep) clearTimeout(this.#sweep);
    for (const waiting of this.#waiting) waiting.fail('H13');
    this.#outdated.resolve(false);
    this.#abortFacet('The process has ended.');
  }

  #abortFacet(why: string): void {
    this.#ctx.facets.abort(this.#facetName, new Error(why));
    this.#ctx.facets.delete(this.#facetName);
  }

  /** The time limit begins anew with what the client sends: a large upload is no silence of the app. */
  #watched(request: Request, waiting: Waiting): Request {
    if (!request.body || Number(request.headers.get('content-length') ?? Number.NaN) <= SMALL_BODY) return request;
    const { readable, writable } = new IdentityTransformStream();
    void pump(request.body, writable, () => {
      if (!this.#waiting.delete(waiting)) return;
      waiting.deadline = Date.now() + this.#timeouts.requestMs;
      this.#waiting.add(waiting);
    });
    return new Request(request, { body: readable });
  }

  #wait(fail: Waiting['fail']): Waiting {
    const waiting = { deadline: Date.now() + this.#timeouts.requestMs, fail };
    this.#waiting.add(waiting);
    return waiting;
  }

  /** One timer for all requests: a timer a request would cost more than the rest of this class. */
  #sweepInTime(): void {
    this.#sweep ??= setTimeout(() => this.#sweepWaiting(), this.#timeouts.requestMs);
  }

  #sweepWaiting(): void {
    const now = Date.now();
    let next = this.#timeouts.requestMs;
    for (const waiting of this.#waiting) {
      next = waiting.deadline - now;
      if (next > 0) break;
      waiting.fail('H12');
    }
    this.#sweep = this.#waiting.size > 0 ? setTimeout(() => this.#sweepWaiting(), Math.max(next, 10)) : undefined;
  }

  #log(text: string): void {
    this.#write({ ...this.#name, at: Date.now(), source: 'heroku', text });
  }

  #output(text: string, at = Date.now()): void {
    if (!this.#sourceMaps?.isOwnFrame(text)) this.#write({ ...this.#name, at, source: 'app', text });
  }

  /** Lines stay in their order, also where one of them waits. */
  #write(line: LogLine): void {
    const maps = line.source === 'app' && this.#sourceMaps?.concerns(line.text) ? this.#sourceMaps : undefined;
    if (!this.#written && !maps) {
      this.#host.log(line);
      return;
    }
    const written = (this.#written ?? Promise.resolve()).then(async () => {
      this.#host.log(maps ? { ...line, text: await maps.original(line.text) } : line);
      if (this.#written === written) this.#written = undefined;
    });
    this.#written = written;
    this.#ctx.waitUntil(written);
  }
}

/** How much of a body is read at once. By itself a stream would give 4 KiB, which takes three times as long. Bytes. */
const PUMPED_AT_ONCE = 64 * 1024;

/** Passes a body on as it comes; tells of every part. Never throws. */
async function pump(body: ReadableStream, to: WritableStream<Uint8Array>, onPart: () => void): Promise<void> {
  const reader = body.getReader({ mode: 'byob' });
  const writer = to.getWriter();
  try {
    let buffer = new Uint8Array(PUMPED_AT_ONCE);
    for (;;) {
      const { done, value } = await reader.read(buffer);
      if (done) break;
      onPart();
      await writer.write(value);
      buffer = new Uint8Array(value.buffer);
    }
    await writer.close();
  } catch (error) {
    // The client is gone, or the app does not read on.
    await Promise.allSettled([writer.abort(error), reader.cancel(error)]);
  }
}

interface Waiting {
  deadline: number;
  fail(code: FailureCode): void;
}
