import { WorkerEntrypoint } from 'cloudflare:workers';

type WaitUntil = (work: Promise<unknown>) => void;

/** What Cloudflare calls the context of a handler, as far as there is one here. */
interface Context {
  waitUntil: WaitUntil;
  passThroughOnException(): void;
  props: object;
}

/** What `scheduled` is called with. */
export interface Scheduled {
  /** The expression that called for it. */
  cron: string;
  /** When it was to be: milliseconds since 1970. */
  scheduledTime: number;
  noRetry(): void;
}

/** What a Worker's module exports by default: an object of handlers, or a class of them. */
interface Handlers {
  fetch?(request: Request, env: unknown, context: Context): Response | Promise<Response>;
  scheduled?(controller: Scheduled, env: unknown, context: Context): void | Promise<void>;
}

export interface WorkerModule {
  default?: Handlers | (new (context: Context, env: unknown) => Handlers);
}

/** Each takes a function that takes what goes on afterwards, and throws when the Worker has no such handler. */
export interface Handler {
  fetch(request: Request, waitUntil: WaitUntil): Promise<Response>;
  scheduled(controller: Scheduled, waitUntil: WaitUntil): Promise<void>;
}

/**
 * The handlers that a module exports.
 *
 * @throws Error when it exports none
 */
export function handlerOf({ default: exported }: WorkerModule, env: unknown): Handler {
  const make = makerOf(exported, env);
  return {
    async fetch(request, waitUntil) {
      const context = contextOf(waitUntil);
      const handlers = make(context);
      if (!handlers.fetch) throw new Error('The Worker has no handler `fetch`.');
      return handlers.fetch(request, env, context);
    },
    async scheduled(controller, waitUntil) {
      const context = contextOf(waitUntil);
      const handlers = make(context);
      if (!handlers.scheduled) throw new Error('The Worker has no handler `scheduled`, which its cron triggers call.');
      await handlers.scheduled(controller, env, context);
    },
  };
}

function makerOf(exported: WorkerModule['default'], env: unknown): (context: Context) => Handlers {
  if (typeof exported === 'function' && exported.prototype instanceof WorkerEntrypoint) {
    return (context) => new exported(context, env);
  }
  if (typeof exported === 'object' && (exported?.fetch ?? exported?.scheduled)) return () => exported;
  throw new Error(
    'The Worker has no handler: its main module must `export default { fetch(request, env, ctx) { … } }`.',
  );
}

const contextOf = (waitUntil: WaitUntil): Context => ({ waitUntil, passThroughOnException() {}, props: {} });
