import http, { type IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import type { IncomingRequest } from './request.ts';

const WorkerdIncomingMessage = http.IncomingMessage;

/** By itself a stream would give 4 KiB at once, which makes a large upload three times as slow. Bytes. */
const MOST_AT_ONCE = 64 * 1024;

function readerOf(body: ReadableStream<Uint8Array>, atOnce: number): NonNullable<IncomingMessage['_reader']> {
  try {
    const reader = body.getReader({ mode: 'byob' });
    return { read: () => reader.read(new Uint8Array(atOnce)), cancel: (reason) => reader.cancel(reason) };
  } catch {
    // One that the app made itself, for a request to its own server.
    return body.getReader();
  }
}

/** `http.IncomingMessage` of a server (Node.js documentation, "HTTP"): a Request as Node.js shows it. */
export class IncomingMessage extends Readable {
  url = '';
  method: string | undefined;
  statusCode: number | undefined;
  statusMessage: string | undefined;
  httpVersion = '1.1';
  httpVersionMajor = 1;
  httpVersionMinor = 1;
  aborted = false;
  complete = false;
  rawTrailers: string[] = [];
  trailers = {};
  trailersDistinct = {};
  _exchange: Exchange | undefined;
  _request: IncomingRequest | undefined;
  _reader: Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'> | undefined;
  _headers: IncomingHttpHeaders | undefined;

  /** Responses to the app's own requests are of workerd's class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return (
      Function.prototype[Symbol.hasInstance].call(IncomingMessage, value) ||
      Function.prototype[Symbol.hasInstance].call(WorkerdIncomingMessage, value)
    );
  }

  static of(request: IncomingRequest, exchange?: Exchange): IncomingMessage {
    const message = new IncomingMessage();
    message.url = request.path;
    message.method = request.method;
    message._request = request;
    message._exchange = exchange;
    return message;
  }

  get headers(): IncomingHttpHeaders {
    this._headers ??= { ...this._request?.headers };
    return this._headers;
  }

  set headers(headers: IncomingHttpHeaders) {
    this._headers = headers;
  }

  get headersDistinct(): Record<string, string[]> {
    return Object.fromEntries(this.#sent.map(([name, value]) => [name, [value]]));
  }

  get rawHeaders(): string[] {
    return this.#sent.flat();
  }

  /** The headers as they came, whatever the app has made of `headers`. */
  get #sent(): [string, string][] {
    return Object.entries(this._request?.headers ?? {});
  }

  get socket(): Connection | undefined {
    return this._exchange?.connection;
  }

  get connection(): Connection | undefined {
    return this.socket;
  }

  override _read(): void {
    const body = this._request?.body;
    if (!body) {
      this.#end();
      return;
    }
    this._reader ??= readerOf(body, this.#atOnce());
    this._reader.read().then(
      ({ done, value }) => {
        if (done) this.#end();
        else this.push(value);
      },
      (error) => this.destroy(error),
    );
  }

  /** How much is read of the body at once, in bytes: all of a small one. */
  #atOnce(): number {
    const length = Number(this._request?.headers['content-length'] ?? MOST_AT_ONCE);
    return length > 0 && length < MOST_AT_ONCE ? length : MOST_AT_ONCE;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.complete) {
      this._reader?.cancel(error).catch(() => {});
      if (this._exchange?.lost) {
        this.aborted = true;
        this.emit('aborted');
      }
    }
    // As in Node.js, an error that nobody listens for ends no process here.
    callback(this.listenerCount('error') > 0 ? error : null);
  }

  setTimeout(): this {
    return this;
  }

  #end(): void {
    this.complete = true;
    this.push(null);
  }
}
