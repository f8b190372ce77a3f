import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import http from 'node:http';
import { Writable } from 'node:stream';
import type { AnswerHeaders } from '../../../link/protocol.ts';
import type { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import type { IncomingMessage } from './incoming-message.ts';

type HeaderValue = number | string | readonly string[];
type Done = (error?: Error | null) => void;

/** Headers that concern one connection only (RFC 9110, 7.6.1), and so the runner, not the app. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer', 'proxy-connection']);

/** A body of one piece up to this size goes out with its head; a larger one is streamed as the client takes it. */
const WHOLE_BODY_MAX = 64 * 1024;

/**
 * `http.ServerResponse` (Node.js documentation, "HTTP"), which becomes a Response for the runner.
 *
 * It takes the place of workerd's, which loses Content-Length, compresses what the app has compressed, and takes in
 * whatever the app writes however slowly the client reads.
 */
export class ServerResponse extends Writable {
  statusCode = 200;
  statusMessage: string | undefined;
  sendDate = true;
  strictContentLength = false;
  shouldKeepAlive = true;
  chunkedEncoding = false;
  useChunkedEncodingByDefault = true;
  finished = false;
  /** The head as text, once it is sent: middleware looks whether it is there. */
  _header: string | null = null;
  _hasBody: boolean;
  _contentLength: number | null = null;
  _headers = new Map<string, { name: string; value: HeaderValue }>();
  _exchange: Exchange | undefined;
  _body: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly req: IncomingMessage;

  constructor(req: IncomingMessage, _options?: unknown) {
    super();
    this.req = req;
    this._hasBody = req.method !== 'HEAD';
  }

  get headersSent(): boolean {
    return this._header !== null;
  }

  get socket(): Connection | null {
    return this._exchange?.connection ?? null;
  }

  get connection(): Connection | null {
    return this.socket;
  }

  setHeader(name: string, value: HeaderValue): this {
    this.#mayChange('set');
    http.validateHeaderName(name);
    for (const one of Array.isArray(value) ? value : [value]) http.validateHeaderValue(name, one as string);
    this._headers.set(name.toLowerCase(), { name, value });
    return this;
  }

  appendHeader(name: string, value: string | readonly string[]): this {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [before, value].flat().map(String));
  }

  setHeaders(headers: Headers | Map<string, HeaderValue>): this {
    for (const [name, value] of headers) {
      if (name.toLowerCase() === 'set-cookie') this.appendHeader(name, value as string);
      else this.setHeader(name, value);
    }
    return this;
  }

  getHeader(name: string): HeaderValue | undefined {
    return this._headers.get(String(name).toLowerCase())?.value;
  }

  getHeaders(): OutgoingHttpHeaders {
    const headers = Object.create(null);
    for (const [name, { value }] of this._headers) headers[name] = value;
    return headers;
  }

  getHeaderNames(): string[] {
    return [...this._headers.keys()];
  }

  getRawHeaderNames(): string[] {
    return [...this._headers.values()].map(({ name }) => name);
  }

  hasHeader(name: string): boolean {
    return this._headers.has(String(name).toLowerCase());
  }

  removeHeader(name: string): void {
    this.#mayChange('remove');
    this._headers.delete(String(name).toLowerCase());
  }

  writeHead(
    statusCode: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    this.#mayChange('write');
    const status = Math.trunc(Number(statusCode));
    if (!(status >= 100 && status <= 999))
      throw codeError(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', `Invalid status code: ${statusCode}`);
    this.statusCode = status;
    if (typeof reason === 'string') this.statusMessage = reason;
    else headers ??= reason;
    this.statusMessage ||= http.STATUS_CODES[status] ?? 'unknown';
    this.#takeHeaders(headers);
    if (status === 204 || status === 304) this._hasBody = false;
    this._header = `HTTP/1.1 ${status} ${this.statusMessage}\r\n`;
    return this;
  }

  /** Sends the head without waiting for a body. */
  flushHeaders(): void {
    if (!this._header) this._implicitHeader();
    this.#begin();
  }

  _implicitHeader(): void {
    this.writeHead(this.statusCode);
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Done, callback?: Done): boolean {
    if (!this._header) this._implicitHeader();
    if (this._hasBody) return super.write(chunk, encoding as BufferEncoding, callback);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done) process.nextTick(done);
    return true;
  }

  override end(chunk?: unknown, encoding?: BufferEncoding | Done, callback?: Done): this {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk as Done);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    if (this.finished) return super.end(callback) as this;
    this.finished = true;
    const whole = !this._header || !this._body;
    const last = chunk === undefined || chunk === null ? undefined : bytesOf(chunk, encoding);
    if (!this._header) {
      this._contentLength = last?.length ?? 0;
      this._implicitHeader();
    }
    if (whole && this.writableLength === 0 && (last?.length ?? 0) <= WHOLE_BODY_MAX) {
      this._exchange?.respond(this, this._hasBody ? (last ?? new Uint8Array()) : null);
    } else if (last && this._hasBody) {
      super.write(last);
    }
    return super.end(callback) as this;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Done): void {
    this.#begin();
    if (this._body)
      this._body.write(chunk).then(
        () => callback(),
        () => this.destroy(),
      );
    else callback();
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', callback);
  }

  override _final(callback: Done): void {
    if (this._header) this.#begin();
    // The app's part is done when all is written; the client may still be reading.
    if (this._body) this._exchange?.closing(this._body.close());
    callback();
  }

  override _destroy(error: Error | null, callback: Done): void {
    if (this._body && !this.writableFinished) this._body.abort(error ?? new Error('aborted')).catch(() => {});
    this._exchange?.ended(this, error);
    callback(error);
  }

  addTrailers(): void {}

  assignSocket(): void {}

  detachSocket(): void {}

  writeContinue(callback?: () => void): void {
    callback?.();
  }

  writeProcessing(callback?: () => void): void {
    callback?.();
  }

  writeEarlyHints(_hints: unknown, callback?: () => void): void {
    callback?.();
  }

  setTimeout(_ms: number, _callback?: () => void): this {
    return this;
  }

  /** Hands the head to the runner, and opens the body if there is one. */
  #begin(): void {
    if (this._body || !this._exchange || this._exchange.responded) return;
    if (!this._hasBody) {
      this._exchange.respond(this, null);
      return;
    }
    const length = contentLength(this);
    const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
    this._body = writable.getWriter();
    // Rejects when the client has gone.
    this._body.closed.catch(() => this.destroy());
    this._exchange.respond(this, readable);
  }

  #takeHeaders(headers: OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined): void {
    if (Array.isArray(headers)) {
      const pairs = headers.every(Array.isArray) ? headers : pairsOf(headers);
      for (const [name] of pairs as string[][]) this.removeHeader(name ?? '');
      for (const [name, value] of pairs as string[][]) this.appendHeader(name ?? '', value ?? '');
    } else if (headers) {
      for (const [name, value] of Object.entries(headers)) if (value !== undefined) this.setHeader(name, value);
    }
    if (
      this._contentLength !== null &&
      this._hasBody &&
      !this.hasHeader('content-length') &&
      !this.hasHeader('transfer-encoding')
    ) {
      this._headers.set('content-length', { name: 'Content-Length', value: this._contentLength });
    }
  }

  #mayChange(what: string): void {
    if (this._header)
      throw codeError(Error, 'ERR_HTTP_HEADERS_SENT', `Cannot ${what} headers after they are sent to the client`);
  }
}

/** The headers of a response as they go out. */
export function responseHeaders(response: ServerResponse): AnswerHeaders {
  const headers: AnswerHeaders = {};
  for (const [key, { name, value }] of response._headers) {
    if (!HOP_BY_HOP.has(key)) headers[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
  if (response.sendDate && !response._headers.has('date')) headers.date = new Date().toUTCString();
  return headers;
}

function contentLength(response: ServerResponse): number | undefined {
  const value = response.getHeader('content-length');
  return value === undefined ? undefined : Number(value);
}

function bytesOf(chunk: unknown, encoding?: BufferEncoding): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  if (chunk instanceof Uint8Array) return chunk;
  throw codeError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.',
  );
}

const pairsOf = (flat: OutgoingHttpHeader[]): OutgoingHttpHeader[][] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[i * 2] ?? '', flat[i * 2 + 1] ?? '']);

const codeError = (Kind: ErrorConstructor, code: string, message: string): Error =>
  Object.assign(new Kind(message), { code });
