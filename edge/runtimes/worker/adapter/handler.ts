import { WorkerEntrypoint } from 'cloudflare:workers';

/** What Cloudflare calls the context of a handler, as far as there is one here. */
interface Context {
  waitUntil(work: Promise<unknown>): void;
  passThroughOnException(): void;
  props: object;
}

/** What a Worker's module exports by default: an object of handlers, or a class of them. */
interface Handlers {
  fetch?(request: Request, env: unknown, context: Context): Response | Promise<Response>;
}

export interface WorkerModule {
  default?: Handlers | (new (context: Context, env: unknown) => Handlers);
}

export interface Handler {
  /** @param waitUntil takes what goes on after the response */
  fetch(request: Request, waitUntil: (work: Promise<unknown>) => void): Response | Promise<Response>;
}

/**
 * The handler of requests that a module exports.
 *
 * @throws Error when it exports none
 */
export function handlerOf({ default: exported }: WorkerModule, env: unknown): Handler {
  const context = (waitUntil: Context['waitUntil']): Context => ({
    waitUntil,
    passThroughOnException() {},
    props: {},
  });
  if (typeof exported === 'function' && exported.prototype instanceof WorkerEntrypoint) {
    return {
      fetch(request, waitUntil) {
        const entrypoint = new exported(context(waitUntil), env);
        if (!entrypoint.fetch) throw new Error('The class that the Worker exports by default has no method fetch.');
        return entrypoint.fetch(request, env, context(waitUntil));
      },
    };
  }
  if (typeof exported !== 'object' || typeof exported?.fetch !== 'function') {
    throw new Error(
      'The Worker has no handler: its main module must `export default { fetch(request, env, ctx) { … } }`.',
    );
  }
  const { fetch } = exported;
  return { fetch: async (request, waitUntil) => fetch.call(exported, request, env, context(waitUntil)) };
}
