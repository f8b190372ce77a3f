import type { Connection, ConnectionHandler } from '../bridge.ts';
import { type Head, type ResponseListener, ResponseReader } from './response-reader.ts';

/** With more bytes than this on their way to a client, the app's next write waits. */
const HIGH_WATER = 256 * 1024;

export interface ExchangeListener {
  /** The response is read to its end by the client. */
  onDone(): void;
  /** The app has written the response to its end. @param keepAlive whether its connection can be used again */
  onWritten(keepAlive: boolean): void;
}

/** A response on its way from a connection to a client. */
export class Exchange implements ConnectionHandler, ResponseListener {
  readonly response: Promise<Response>;
  readonly #settle = Promise.withResolvers<Response>();
  readonly #connection: Connection;
  readonly #reader: ResponseReader;
  readonly #listener: ExchangeListener;
  #head: Head | undefined;
  /** The body, as far as it has come before the response is given. */
  #early: Uint8Array<ArrayBuffer>[] = [];
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #ended = false;
  #done = false;
  /** Bytes that the client has not taken. */
  #waiting = 0;
  #paused = false;

  constructor(connection: Connection, method: string, listener: ExchangeListener) {
    this.#connection = connection;
    this.#reader = new ResponseReader(method === 'HEAD', this);
    this.#listener = listener;
    this.response = this.#settle.promise;
    connection.handler = this;
  }

  /** Whether the app has begun to answer. */
  get answered(): boolean {
    return this.#head !== undefined;
  }

  onBytes(bytes: Uint8Array<ArrayBuffer>): boolean {
    try {
      this.#reader.read(bytes);
    } catch (error) {
      console.error(String(error));
      this.fail(error as Error);
      return true;
    }
    if (this.#head && !this.#writer && !this.#done) this.#respond(this.#head);
    this.#paused = this.#waiting > HIGH_WATER;
    return !this.#paused;
  }

  onClose(): void {
    if (!this.#reader.close())
      this.fail(new Error('The app has closed the connection before the end of its response.'));
  }

  onHead(head: Head): void {
    this.#head = head;
  }

  onData(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#writer) this.#write(bytes);
    else this.#early.push(bytes);
  }

  onEnd(): void {
    this.#ended = true;
    this.#connection.handler = undefined;
    const keepAlive = this.#head?.keepAlive ?? false;
    if (this.#writer) this.#close(this.#writer);
    this.#listener.onWritten(keepAlive);
  }

  /** Ends it where it is. */
  fail(error: Error): void {
    // Once all is written, the connection may be another's.
    if (!this.#ended) {
      this.#connection.handler = undefined;
      this.#connection.close();
    }
    this.#settle.reject(error);
    this.#writer?.abort(error).catch(() => {});
    this.#finish();
  }

  #respond({ status, statusText, headers, length }: Head): void {
    const init: ResponseInit & { encodeBody: 'manual' } = { status, statusText, headers, encodeBody: 'manual' };
    const early = this.#early;
    this.#early = [];
    if (this.#ended) {
      const empty = length === 0 && early.length === 0;
      this.#settle.resolve(new Response(empty ? null : joined(early), init));
      this.#finish();
      return;
    }
    const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => this.fail(new Error('The client has gone.')));
    for (const bytes of early) this.#write(bytes);
    this.#settle.resolve(new Response(readable, init));
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    this.#waiting += bytes.length;
    this.#writer?.write(bytes).then(
      () => this.#taken(bytes.length),
      () => {},
    );
  }

  #taken(length: number): void {
    this.#waiting -= length;
    if (!this.#paused || this.#waiting > HIGH_WATER / 2) return;
    this.#paused = false;
    if (!this.#ended) this.#connection.resume();
  }

  #close(writer: WritableStreamDefaultWriter<Uint8Array>): void {
    const finish = () => this.#finish();
    writer.close().then(finish, finish);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#listener.onDone();
  }
}

function joined(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  return parts.length === 1 && only ? only : (Buffer.concat(parts) as Uint8Array<ArrayBuffer>);
}
