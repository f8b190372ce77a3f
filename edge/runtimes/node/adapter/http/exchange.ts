import { Connection } from './connection.ts';
import type { IncomingMessage } from './incoming-message.ts';
import type { IncomingRequest } from './request.ts';
import type { Answering } from './response.ts';
import { responseHeaders, type ServerResponse } from './server-response.ts';

/** Statuses whose Response may not have a body, not even an empty one. */
const NULL_BODY = new Set([204, 205, 304]);

/** One request and its response. */
export class Exchange {
  responded = false;
  /** Whether the client went before it had the whole response. */
  lost = false;
  readonly #request: IncomingRequest;
  readonly #answering: Answering;
  readonly #port: number;
  readonly #onEnd: () => void;
  #incoming: IncomingMessage | undefined;
  #outgoing: ServerResponse | undefined;
  #connection: Connection | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  /** @param onEnd called when the client has read all, or has gone */
  constructor(options: { request: IncomingRequest; answering: Answering; port: number; onEnd: () => void }) {
    this.#request = options.request;
    this.#answering = options.answering;
    this.#port = options.port;
    this.#onEnd = options.onEnd;
  }

  begin(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    outgoing._exchange = this;
  }

  /** Made when somebody asks for it: most requests never do. */
  get connection(): Connection {
    if (!this.#connection) {
      const forwarded = this.#request.headers['x-forwarded-for'] ?? '127.0.0.1';
      this.#connection = new Connection({
        remoteAddress: forwarded.slice(forwarded.lastIndexOf(',') + 1).trim(),
        localPort: this.#port,
        encrypted: false,
        end: (error) => {
          this.#incoming?.destroy(error);
          this.#outgoing?.destroy(error);
        },
      });
      if (this.#outgoing?.destroyed) this.#connection.closed(false);
    }
    return this.#connection;
  }

  /** Answers with the head of `outgoing`. A Response has a status from 200 to 599; any other becomes 500. */
  respond(outgoing: ServerResponse, body: BodyInit | null): void {
    if (this.responded) return;
    this.responded = true;
    const { statusCode, statusMessage: statusText = '' } = outgoing;
    const status = statusCode >= 200 && statusCode <= 599 ? statusCode : 500;
    const head = { status, statusText, headers: responseHeaders(outgoing) };
    this.#answering.answer(head, NULL_BODY.has(status) ? null : body);
  }

  /** The response is written, and `read` resolves when the client has it all. */
  closing(read: Promise<unknown>): void {
    this.#reading = read;
  }

  /** The response is written or given up. */
  ended(outgoing: ServerResponse, error: Error | null): void {
    if (!this.responded) {
      this.responded = true;
      this.#answering.fail(error ?? new Error('The connection was closed without a response.'));
    }
    this.#connection?.closed(error !== null);
    if (!outgoing.writableFinished) {
      this.lost = true;
      this.#incoming?.destroy();
    }
    this.#reading.then(this.#onEnd, this.#onEnd);
  }
}
