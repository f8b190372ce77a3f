/** `Deno.serve` and `Deno.upgradeWebSocket`: requests come to the app's handler as they are. */
import process from 'node:process';
import { type Upgraded, type UpgradeOptions, upgradeWebSocket } from './web-socket.ts';

interface Address {
  transport: 'tcp';
  hostname: string;
  port: number;
}

interface Info {
  remoteAddr: Address;
  /** Resolves when the response is sent. */
  completed: Promise<void>;
}

type ServeHandler = (request: Request, info: Info) => Response | Promise<Response>;

interface ServeOptions {
  port?: number;
  hostname?: string;
  handler?: ServeHandler;
  onListen?: (address: Address) => void;
  onError?: (error: unknown) => Response | Promise<Response>;
  signal?: AbortSignal;
}

/** What `Deno.serve` returns. */
interface HttpServer extends AsyncDisposable {
  readonly finished: Promise<void>;
  readonly addr: Address;
  shutdown(): Promise<void>;
  ref(): void;
  unref(): void;
}

interface Serving {
  handler: ServeHandler;
  onError: (error: unknown) => Response | Promise<Response>;
}

const internalError = (error: unknown): Response => {
  console.error(error);
  return new Response('Internal Server Error', { status: 500 });
};

export class DenoServer {
  readonly #onListening: () => void;
  readonly #sockets = new Set<WebSocket>();
  #serving: Serving | undefined;
  /** Responses that are not sent to their end. */
  #pending = 0;
  #becameIdle: (() => void) | undefined;

  /** @param onListening called when the app serves */
  constructor(onListening: () => void) {
    this.#onListening = onListening;
  }

  get isOpen(): boolean {
    return this.#serving !== undefined;
  }

  get busy(): boolean {
    return this.#pending > 0 || this.#sockets.size > 0;
  }

  /** Resolves when every response is sent. */
  async idle(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#becameIdle = resolve));
  }

  /** As the server goes away. */
  closeSockets(): void {
    for (const socket of this.#sockets) socket.close(1001);
  }

  /** `Deno.serve`: takes a handler, options with one, or both. */
  serve(first: ServeHandler | ServeOptions, second?: ServeHandler): HttpServer {
    const options: ServeOptions = typeof first === 'function' ? {} : first;
    const handler = typeof first === 'function' ? first : (second ?? options.handler);
    if (typeof handler !== 'function') throw new TypeError('A handler function must be provided.');
    const { hostname = '0.0.0.0', port = Number(process.env.PORT), onError = internalError, signal } = options;
    const addr: Address = { transport: 'tcp', hostname, port };
    const serving = { handler, onError };
    const closed = Promise.withResolvers<void>();
    this.#serving ??= serving;
    const shutdown = async (): Promise<void> => {
      if (this.#serving === serving) this.#serving = undefined;
      await this.idle();
      closed.resolve();
    };
    signal?.addEventListener('abort', () => void shutdown());
    const onListen = options.onListen ?? (() => console.log(`Listening on http://${hostname}:${port}/`));
    onListen(addr);
    this.#onListening();
    return {
      finished: closed.promise,
      addr,
      shutdown,
      ref() {},
      unref() {},
      [Symbol.asyncDispose]: shutdown,
    };
  }

  /** Serves a request. */
  async handle(request: Request): Promise<Response> {
    const serving = this.#serving;
    if (!serving) throw new Error('The app has closed its server.');
    this.#pending += 1;
    const completed = Promise.withResolvers<void>();
    const end = (): void => {
      completed.resolve();
      this.#pending -= 1;
      if (this.#pending === 0) this.#becameIdle?.();
    };
    const response = await this.#respond(serving, request, {
      remoteAddr: clientOf(request),
      completed: completed.promise,
    });
    if (!response.body) {
      end();
      return response;
    }
    const { readable, writable } = new IdentityTransformStream();
    // A client that is gone is no error of the app's.
    response.body
      .pipeTo(writable)
      .catch(() => {})
      .finally(end);
    return new Response(readable, response);
  }

  async #respond({ handler, onError }: Serving, request: Request, info: Info): Promise<Response> {
    try {
      const response = await handler(request, info);
      if (response instanceof Response) return response;
      throw new TypeError('Return value from serve handler must be a response or a promise resolving to a response');
    } catch (error) {
      return Promise.resolve(onError(error)).catch(internalError);
    }
  }

  /** `Deno.upgradeWebSocket` */
  upgradeWebSocket(request: Request, options?: UpgradeOptions): Upgraded {
    const upgraded = upgradeWebSocket(request, options);
    const { socket } = upgraded;
    this.#sockets.add(socket);
    for (const type of ['close', 'error']) socket.addEventListener(type, () => this.#sockets.delete(socket));
    return upgraded;
  }
}

/** As Heroku's router tells it: the last of `X-Forwarded-For` is what it has seen. */
function clientOf(request: Request): Address {
  const forwarded = request.headers.get('x-forwarded-for') ?? '';
  const hostname = forwarded.slice(forwarded.lastIndexOf(',') + 1).trim();
  return { transport: 'tcp', hostname: hostname || '127.0.0.1', port: 0 };
}
