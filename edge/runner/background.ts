import type { BackgroundApp, Route } from '../../schema/route.ts';
import type { Context } from '../router/route-cache.ts';

/** How often the edge is asked again, in case that it could not tell this runner of a change. Milliseconds. */
const EVERY_MS = 60_000;

export interface BackgroundOptions {
  /** The apps whose background processes run, as the edge knows them. */
  apps(): Promise<BackgroundApp[]>;
  /** The newest route of a host, as the edge knows it. */
  route(host: string): Promise<Route | null>;
  /** The route of an app, as this runner knows it. */
  known(app: string): Route | undefined;
  /** Serves by a route. */
  put(route: Route): Promise<void>;
}

/**
 * Starts the background processes of this runner, which no request ever asks for. workerd runs nothing by itself: the
 * supervisor's pings are what drives this.
 */
export class Background {
  readonly #options: BackgroundOptions;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** To be called again and again; costs nothing when there is nothing to do. */
  tick(context: Context): void {
    if (Date.now() - this.#askedAt < EVERY_MS) return;
    this.#askedAt = Date.now();
    const asked = this.#ask().catch(() => {
      // The edge starts, too: the next tick tries again.
      this.#askedAt = Number.NEGATIVE_INFINITY;
    });
    context.waitUntil(asked);
  }

  async #ask(): Promise<void> {
    const { apps, known, route, put } = this.#options;
    for (const { app, revision, host } of await apps()) {
      if ((known(app)?.revision ?? -1) >= revision) continue;
      const newer = await route(host);
      if (newer) await put(newer);
    }
  }
}
