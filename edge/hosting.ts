/** Apps served by the edge Worker itself, as on Cloudflare, where there are no runners. */
import { env as bindings } from 'cloudflare:workers';
import type { LogLine, Route } from '../schema/route.ts';
import type { Env } from './env.ts';
import { writeLog } from './logs/write.ts';
import { cachePrefix } from './platform/caches.ts';
import { routeForHost } from './platform/routes.ts';
import { engineKey, slugKey } from './platform/slugs.ts';
import { createRouter, type Router } from './router/index.ts';
import { place } from './router/placement.ts';
import { DynoObject } from './runtimes/dyno.ts';
import { dynoKey, processType } from './runtimes/dyno-name.ts';
import { generatedStore } from './runtimes/generated-store.ts';
import { readSlug } from './runtimes/slug.ts';

const env = bindings as unknown as Env;

export const router: Router = createRouter({
  route: (host) => routeForHost(env, host),
  runner: { index: 0, count: 1 },
  local(app, dyno) {
    const stub = env.DYNO.get(env.DYNO.idFromName(dynoKey({ app, dyno })));
    return {
      fetch: (request) => stub.fetch(request),
      run: (route) => stub.run(route),
      stop: () => stub.stop(),
    };
  },
  remote() {
    throw new Error('Every dyno lives with the edge.');
  },
  log: (line, context) => context.waitUntil(write(line)),
  publicPort: env.PUBLIC_PORT,
});

/** How often a background process looks whether it is still to run. Milliseconds. */
const LOOK_EVERY_MS = 10_000;

/** By which a background process finds its app after it was evicted. */
const HOST = 'host';

/** A process of an app, run by the edge. */
export class Dyno extends DynoObject<Env> {
  protected readonly host = {
    loader: env.LOADER,
    route: (host: string) => router.route(host, this.ctx),
    log: (line: LogLine) => this.ctx.waitUntil(write(line)),
    generated: generatedStore(env.BUCKET, (app) => `${cachePrefix(app)}generated.json`),
    sourceMap: async (sha256: string) => new TextDecoder().decode(await bytesOf(engineKey(sha256))),
    slug: async (sha256: string) => readSlug(await bytesOf(slugKey(sha256)), (engine) => bytesOf(engineKey(engine))),
  };

  override async run(route: Route): Promise<void> {
    if (this.#isBackground) {
      await this.ctx.storage.put(HOST, route.hosts[0]);
      await this.ctx.storage.setAlarm(Date.now() + LOOK_EVERY_MS);
    }
    await super.run(route);
  }

  /** Nothing asks for a background process: by this it runs on after an eviction, and ends when it is scaled down. */
  override async alarm(): Promise<void> {
    const host = await this.ctx.storage.get<string>(HOST);
    const route = host === undefined ? null : await routeForHost(env, host);
    const { dyno } = this.name;
    if (route && place(route, 1).some((placed) => placed.dyno === dyno)) return this.run(route);
    await this.ctx.storage.deleteAll();
    await this.stop();
  }

  get #isBackground(): boolean {
    return processType(this.name.dyno) !== 'web';
  }
}

async function bytesOf(key: string): Promise<Uint8Array<ArrayBuffer>> {
  const object = await env.BUCKET.get(key);
  if (!object) throw new Error(`${key} is not there.`);
  return new Uint8Array(await object.arrayBuffer());
}

const write = ({ app, ...line }: LogLine): Promise<void> => writeLog(env, app, line);
