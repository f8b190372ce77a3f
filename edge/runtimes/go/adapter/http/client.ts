/** The client of the app's server: gives it the requests of the instance over connections that it keeps. */
import type { Bridge, Connection } from '../bridge.ts';
import { Exchange } from './exchange.ts';
import { sendBody } from './request-body.ts';
import { requestHead } from './request-head.ts';
import { webSocket } from './web-socket.ts';

/** Bytes of a body that goes with its head. */
const SMALL_BODY = 64 * 1024;

export class Client {
  readonly #bridge: Bridge;
  readonly #port: number;
  /** Connections without a request. */
  readonly #idle: Connection[] = [];
  readonly #exchanges = new Set<Exchange>();
  #becameIdle: (() => void) | undefined;

  /** @param port where the app listens */
  constructor(bridge: Bridge, port: number) {
    this.#bridge = bridge;
    this.#port = port;
  }

  /**
   * Serves a request by the app.
   *
   * @throws Error when the app gives no response
   */
  async fetch(request: Request): Promise<Response> {
    if (request.headers.get('upgrade')?.toLowerCase() === 'websocket') {
      return webSocket(request, this.#bridge.connect(this.#port), this.#port);
    }
    const length = request.body ? Number(request.headers.get('content-length') ?? Number.NaN) : 0;
    if (length <= SMALL_BODY) {
      const body = length > 0 ? new Uint8Array(await request.arrayBuffer()) : undefined;
      return this.#exchange(request, body);
    }
    const { exchange, connection } = this.#begin(request.method, this.#bridge.connect(this.#port), false);
    const chunked = Number.isNaN(length);
    void this.#stream(request, connection, chunked);
    return exchange.response;
  }

  /** Whether a response is not read to its end. */
  get busy(): boolean {
    return this.#exchanges.size > 0;
  }

  /** Resolves when every response has been read. */
  async idle(): Promise<void> {
    if (!this.busy) return;
    await new Promise<void>((resolve) => {
      this.#becameIdle = resolve;
    });
  }

  async #exchange(request: Request, body: Uint8Array | undefined): Promise<Response> {
    const kept = this.#takeIdle();
    const { exchange, connection } = this.#begin(request.method, kept ?? this.#bridge.connect(this.#port));
    const head = requestHead(request, request.headers, 'plain');
    void connection.write(body ? Buffer.concat([head, body]) : head);
    try {
      return await exchange.response;
    } catch (error) {
      // The server may close a connection that is not used, just when it is (RFC 9112, 9.3.1).
      if (kept && !exchange.answered && !connection.open && IDEMPOTENT.has(request.method)) {
        const again = this.#begin(request.method, this.#bridge.connect(this.#port));
        void again.connection.write(body ? Buffer.concat([head, body]) : head);
        return again.exchange.response;
      }
      throw error;
    }
  }

  async #stream(request: Request, connection: Connection, chunked: boolean): Promise<void> {
    const head = requestHead(request, request.headers, chunked ? 'chunked' : 'plain');
    if (request.body && (await connection.write(head))) await sendBody(request.body, connection, chunked);
  }

  /** @param reuse whether the connection is left without a part of the request, whenever the response ends */
  #begin(method: string, connection: Connection, reuse = true): { exchange: Exchange; connection: Connection } {
    const exchange: Exchange = new Exchange(connection, method, {
      onWritten: (keepAlive) => {
        if (reuse && keepAlive && !connection.writing) this.#idle.push(connection);
        else connection.close();
      },
      onDone: () => {
        this.#exchanges.delete(exchange);
        if (!this.busy) this.#becameIdle?.();
      },
    });
    this.#exchanges.add(exchange);
    return { exchange, connection };
  }

  #takeIdle(): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (!connection || connection.open) return connection;
    }
  }
}

/** Methods whose requests may be sent again (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
