import { type BackgroundApp, backgroundApp, type LogLine, type Route, routeAnswer } from '../../schema/route.ts';
import { readSlug, type Slug } from '../runtimes/slug.ts';
import type { RunnerEnv } from './env.ts';

/** How many bytes of slugs a runner keeps for instances that start again. */
const SLUG_CACHE_BYTES = 256 * 1024 * 1024;

/** What a runner asks of the edge. */
export class EdgeClient {
  readonly #env: RunnerEnv;
  /** Least recently used first. */
  readonly #slugs = new Map<string, Slug>();
  readonly #engines = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(env: RunnerEnv) {
    this.#env = env;
  }

  /** The route of a host, or null where no app answers to it. */
  async route(host: string): Promise<Route | null> {
    const response = await this.#fetch(`/routes/${encodeURIComponent(host)}`);
    return routeAnswer.parse(await response.json()).route;
  }

  /** The apps whose background processes run. */
  async background(): Promise<BackgroundApp[]> {
    const response = await this.#fetch('/background');
    return backgroundApp.array().parse(await response.json());
  }

  async slug(sha256: string): Promise<Slug> {
    const slug = this.#slugs.get(sha256) ?? (await this.#loadSlug(sha256));
    this.#slugs.delete(sha256);
    this.#slugs.set(sha256, slug);
    let bytes = 0;
    for (const { size } of this.#slugs.values()) bytes += size;
    for (const [key, { size }] of this.#slugs) {
      if (bytes <= SLUG_CACHE_BYTES || key === sha256) break;
      bytes -= size;
      this.#slugs.delete(key);
    }
    return slug;
  }

  async sourceMap(sha256: string): Promise<string> {
    return (await this.#fetch(`/engines/${sha256}`)).text();
  }

  async log(lines: LogLine[]): Promise<void> {
    const response = await this.#fetch('/logs', { method: 'POST', body: JSON.stringify(lines) });
    await response.body?.cancel();
  }

  async #loadSlug(sha256: string): Promise<Slug> {
    const response = await this.#fetch(`/slugs/${sha256}`);
    return readSlug(new Uint8Array(await response.arrayBuffer()), (engine) => this.#engine(engine));
  }

  /** Loaded once, however many apps run on it. */
  #engine(sha256: string): Promise<Uint8Array<ArrayBuffer>> {
    let engine = this.#engines.get(sha256);
    if (!engine) {
      engine = this.#loadEngine(sha256);
      this.#engines.set(sha256, engine);
      engine.catch(() => this.#engines.delete(sha256));
    }
    return engine;
  }

  async #loadEngine(sha256: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.#fetch(`/engines/${sha256}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  async #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#env.EDGE.fetch(`http://edge/internal${path}`, {
      ...init,
      headers: { authorization: `Bearer ${this.#env.INTERNAL_SECRET}`, 'content-type': 'application/json' },
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The edge answered ${response.status} for ${path}.`);
    }
    return response;
  }
}
