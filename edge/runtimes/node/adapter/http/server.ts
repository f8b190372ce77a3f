import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { uncaught } from '../errors.ts';
import { Exchange } from './exchange.ts';
import { IncomingMessage } from './incoming-message.ts';
import { FetchedRequest, type IncomingRequest } from './request.ts';
import { type Answering, FetchAnswering } from './response.ts';
import { ServerResponse } from './server-response.ts';
import { isUpgrade, upgrade } from './upgrade/index.ts';

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

interface ListenOptions {
  port?: number | string;
  host?: string;
  path?: string;
  signal?: AbortSignal;
}

/** The servers that listen, in the order in which they began to. */
const listening: Server[] = [];

let announce: () => void = () => {};

/** Calls `listener` whenever a server begins to listen. */
export function onListening(listener: () => void): void {
  announce = listener;
}

/** The server that requests go to: the one on PORT, or else the first. */
export function publicServer(): Server | undefined {
  if (listening.length < 2) return listening[0];
  const wanted = Number(process.env.PORT);
  return listening.find((server) => server.port === wanted) ?? listening[0];
}

/** The server that listens on `port`, if one does. */
export const serverOn = (port: number): Server | undefined => listening.find((server) => server.port === port);

/** `http.Server` (Node.js documentation, "HTTP"), fed by the runner instead of a socket. */
export class Server extends EventEmitter {
  timeout = 0;
  keepAliveTimeout = 5_000;
  keepAliveTimeoutBuffer = 1_000;
  headersTimeout = 60_000;
  requestTimeout = 300_000;
  maxHeadersCount: number | null = null;
  maxRequestsPerSocket = 0;
  maxConnections = Number.POSITIVE_INFINITY;
  listening = false;
  port: number | undefined;
  #address: AddressInfo | string | null = null;
  #open = 0;
  readonly #Response: typeof ServerResponse;

  constructor(options?: { ServerResponse?: typeof ServerResponse } | Listener | null, listener?: Listener) {
    super();
    const onRequest = typeof options === 'function' ? options : listener;
    if (onRequest) this.on('request', onRequest);
    this.#Response = (typeof options === 'object' && options?.ServerResponse) || ServerResponse;
  }

  listen(...args: unknown[]): this {
    const callback = args.findLast((arg) => typeof arg === 'function');
    if (callback) this.once('listening', callback as () => void);
    if (this.listening) {
      throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    }
    const { port, host, path, signal } = listenOptions(args);
    signal?.addEventListener('abort', () => this.close());
    this.port = path === undefined ? port || freePort() : undefined;
    this.#address = path ?? {
      address: host ?? '::',
      family: host && !host.includes(':') ? 'IPv4' : 'IPv6',
      port: this.port ?? 0,
    };
    const taken = listening.find((other) => sameAddress(other.#address, this.#address));
    if (taken) {
      this.#address = null;
      process.nextTick(() => this.emit('error', addressInUse(host ?? '::', port)));
      return this;
    }
    this.listening = true;
    listening.push(this);
    process.nextTick(() => {
      this.emit('listening');
      announce();
    });
    return this;
  }

  address(): AddressInfo | string | null {
    return this.#address;
  }

  close(callback?: (error?: Error) => void): this {
    if (!this.listening) {
      const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      if (callback) process.nextTick(callback, error);
      return this;
    }
    if (callback) this.once('close', callback);
    this.listening = false;
    this.#address = null;
    listening.splice(listening.indexOf(this), 1);
    if (this.#open === 0) process.nextTick(() => this.emit('close'));
    return this;
  }

  closeAllConnections(): void {}

  closeIdleConnections(): void {}

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#open);
    return this;
  }

  setTimeout(ms: number | (() => void)): this {
    if (typeof ms === 'number') this.timeout = ms;
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.listening) await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  /** Serves a request by the app's listeners. */
  async handle(request: Request): Promise<Response> {
    if (isUpgrade(this, request)) return upgrade(this, request, this.port ?? 0);
    const answering = new FetchAnswering();
    this.serve(new FetchedRequest(request), answering);
    return answering.response;
  }

  /** The same for a request that asks for no other protocol, whichever way it came. */
  serve(request: IncomingRequest, answering: Answering): void {
    const exchange = new Exchange({ request, answering, port: this.port ?? 0, onEnd: () => this.#ended() });
    const incoming = IncomingMessage.of(request, exchange);
    const outgoing = new this.#Response(incoming);
    exchange.begin(incoming, outgoing);
    this.#open += 1;
    try {
      this.emit('request', incoming, outgoing);
    } catch (error) {
      uncaught(error);
    }
  }

  /** Whether a response is not read to its end. */
  get busy(): boolean {
    return this.#open > 0;
  }

  /** Resolves when every response has been read. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.once('idle', () => resolve()));
  }

  #ended(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.emit('idle');
    if (!this.listening) this.emit('close');
  }
}

function listenOptions(args: unknown[]): { port: number; host?: string; path?: string; signal?: AbortSignal } {
  const [first, second] = args;
  const options: ListenOptions =
    typeof first === 'object' && first !== null
      ? (first as ListenOptions)
      : typeof first === 'string' && Number.isNaN(Number(first))
        ? { path: first }
        : { port: first as number, host: typeof second === 'string' ? second : undefined };
  const port = typeof options.port === 'function' ? 0 : Number(options.port ?? 0);
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536)) {
    throw Object.assign(new RangeError(`options.port should be >= 0 and < 65536. Received ${options.port}.`), {
      code: 'ERR_SOCKET_BAD_PORT',
    });
  }
  return { port, host: options.host, path: options.path, signal: options.signal };
}

function freePort(): number {
  let port = 49_152;
  while (listening.some((server) => server.port === port)) port += 1;
  return port;
}

const sameAddress = (a: AddressInfo | string | null, b: AddressInfo | string | null): boolean =>
  typeof a === 'object' && typeof b === 'object' && a?.port === b?.port && a?.address === b?.address;

const addressInUse = (address: string, port: number): Error =>
  Object.assign(new Error(`listen EADDRINUSE: address already in use ${address}:${port}`), {
    code: 'EADDRINUSE',
    errno: -98,
    syscall: 'listen',
    address,
    port,
  });
