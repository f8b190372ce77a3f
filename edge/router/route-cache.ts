import type { Route } from '../../schema/route.ts';

/** How old a route may be before it is asked for again while it still serves. */
const FRESH_MS = 10_000;

/** How long a host that no app answers to is taken for such. */
const NEGATIVE_MS = 2_000;

/** How long a question that another request asked is waited for: with its client, a request's own I/O may go. */
const PATIENCE_MS = 5_000;

/** Hosts are what clients make up, so there is a bound. */
const MAX_HOSTS = 10_000;

interface Entry {
  /** The app that answers to the host, or null. */
  app: string | null;
  checkedAt: number;
  asking: { since: number; answer: Promise<Route | null> } | undefined;
}

/** Keeps work alive after the answer to a request. */
export type Context = Pick<ExecutionContext, 'waitUntil'>;

export interface RouteCacheOptions {
  /** Asks for the route of a host. */
  load(host: string): Promise<Route | null>;
  /** Called with a route newer than the one known, before it serves. */
  onChange(route: Route, known: Route): Promise<void>;
}

/** What this router knows of hosts and apps. An old route serves while it is asked for anew. */
export class RouteCache {
  readonly #hosts = new Map<string, Entry>();
  readonly #routes = new Map<string, Route>();
  readonly #options: RouteCacheOptions;

  constructor(options: RouteCacheOptions) {
    this.#options = options;
  }

  /** The route of a host; a promise only where it has to be asked for. */
  get(host: string, context: Context): Route | null | Promise<Route | null> {
    const entry = this.#hosts.get(host);
    const age = entry ? Date.now() - entry.checkedAt : Number.POSITIVE_INFINITY;
    const known = entry?.app ? this.#routes.get(entry.app) : undefined;
    if (known) {
      if (age > FRESH_MS) this.#ask(host, context).catch(() => {});
      return known;
    }
    return age < NEGATIVE_MS ? null : this.#ask(host, context);
  }

  /** Takes a route, unless a newer one is known. */
  put(route: Route): void {
    const known = this.#routes.get(route.app.id);
    if (known && known.revision > route.revision) return;
    for (const host of known?.hosts ?? []) {
      if (!route.hosts.includes(host)) this.#hosts.delete(host);
    }
    this.#routes.set(route.app.id, route);
    for (const host of route.hosts) {
      this.#hosts.set(host, { app: route.app.id, checkedAt: Date.now(), asking: undefined });
    }
  }

  /** The route of an app, if it is known. */
  known(app: string): Route | undefined {
    return this.#routes.get(app);
  }

  #ask(host: string, context: Context): Promise<Route | null> {
    const entry = this.#entry(host);
    if (entry.asking && Date.now() - entry.asking.since < PATIENCE_MS) return entry.asking.answer;
    const answer = this.#load(host, entry);
    entry.asking = { since: Date.now(), answer };
    context.waitUntil(answer.catch(() => {}));
    return answer;
  }

  async #load(host: string, entry: Entry): Promise<Route | null> {
    try {
      const route = await this.#options.load(host);
      entry.checkedAt = Date.now();
      if (!route) {
        entry.app = null;
        return null;
      }
      const known = this.#routes.get(route.app.id);
      if (known && route.revision > known.revision) await this.#options.onChange(route, known);
      this.put(route);
      // A host that a wildcard covers is not among the route's own.
      entry.app = route.app.id;
      return this.#routes.get(route.app.id) ?? null;
    } finally {
      entry.asking = undefined;
    }
  }

  #entry(host: string): Entry {
    let entry = this.#hosts.get(host);
    if (!entry) {
      entry = { app: null, checkedAt: Number.NEGATIVE_INFINITY, asking: undefined };
      const [oldest] = this.#hosts.keys();
      if (this.#hosts.size >= MAX_HOSTS && oldest !== undefined) this.#hosts.delete(oldest);
      this.#hosts.set(host, entry);
    }
    return entry;
  }
}
