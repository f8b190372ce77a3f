import { Duplex } from 'node:stream';
import { clientFrame, closePayload, FrameReader, type Message, OPCODES } from './frames.ts';

/** The end of a response's head. */
const HEAD_END = '\r\n\r\n';

/** A head may have as many bytes as Node.js lets it have. */
const MAX_HEAD = 16 * 1024;

/** What is said of a connection that ends without a closing handshake (RFC 6455, 7.4.1). */
const NO_STATUS = 1005;
const ABNORMAL = 1006;

/** Of the registry of close codes that the same document has made. */
const TRY_AGAIN_LATER = 1013;

/** With more bytes than this on their way to a client, the app's next write waits, as on a socket that is full. */
const HIGH_WATER = 1024 * 1024;

/** How many bytes may wait behind them: an app that never looks whether its client reads would fill its runner. */
const MAX_WAITING = 16 * 1024 * 1024;

/** How often a full socket is looked at: workerd has no event for it. Milliseconds. */
const LOOK_MS = 20;

const encoder = new TextEncoder();

/**
 * The socket that a server's `upgrade` listeners get. A library writes the bytes of the WebSocket protocol to it and
 * reads them from it; behind it is workerd's WebSocket, which speaks with the client.
 *
 * Pings of the app are answered here: workerd has no way to send one, and answers those of clients by itself.
 */
export class UpgradedSocket extends Duplex {
  /** What the app answers: a Response with the client's end of the WebSocket, or any other. */
  readonly response: Promise<Response>;
  readonly remoteAddress: string;
  readonly remoteFamily: string;
  readonly remotePort = 0;
  readonly localAddress = '127.0.0.1';
  readonly localPort: number;
  readonly encrypted = false;
  bytesRead = 0;
  bytesWritten = 0;
  timeout = 0;
  readonly #answer = Promise.withResolvers<Response>();
  readonly #frames = new FrameReader();
  #head = Buffer.alloc(0);
  #webSocket: WorkerdWebSocket | undefined;
  /** The body of an answer that is no WebSocket. */
  #refusal: { status: number; headers: Headers; body: Buffer[] } | undefined;
  #closed = false;

  constructor({ remoteAddress, localPort }: { remoteAddress: string; localPort: number }) {
    super({ allowHalfOpen: true });
    this.remoteAddress = remoteAddress;
    this.remoteFamily = remoteAddress.includes(':') ? 'IPv6' : 'IPv4';
    this.localPort = localPort;
    this.response = this.#answer.promise;
  }

  override _read(): void {}

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
    this.bytesWritten += bytes.length;
    try {
      if (this.#webSocket) this.#send(bytes);
      else if (this.#refusal) this.#refusal.body.push(bytes);
      else this.#readHead(bytes);
      this.#whenRoom(done);
    } catch (error) {
      done(error as Error);
    }
  }

  /** Calls `done` once the client has taken most of what was sent to it. */
  #whenRoom(done: () => void): void {
    if (this.#closed || (this.#webSocket?.bufferedAmount ?? 0) <= HIGH_WATER) {
      done();
      return;
    }
    if (this.writableLength > MAX_WAITING) {
      const waiting = `${MAX_WAITING / 2 ** 20} MiB`;
      console.error(`A WebSocket is closed: its client does not read, and more than ${waiting} wait for it.`);
      this.#close(TRY_AGAIN_LATER, 'Too slow');
      this.destroy();
      return;
    }
    setTimeout(() => this.#whenRoom(done), LOOK_MS);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#refuse();
    this.#close();
    done();
    // Nothing more comes from a client whose connection is closed.
    this.push(null);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#refuse();
    this.#answer.reject(error ?? new Error('The connection was closed without a response.'));
    this.#close();
    done(error);
  }

  /** Tells the client that the process goes away. */
  goAway(): void {
    this.#close(1001, 'Going Away');
  }

  address(): { address: string; family: string; port: number } {
    return { address: this.localAddress, family: 'IPv4', port: this.localPort };
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #readHead(bytes: Buffer): void {
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) {
      if (this.#head.length > MAX_HEAD) throw new Error('The head of the response is too large.');
      return;
    }
    const [statusLine = '', ...lines] = this.#head.subarray(0, end).toString('latin1').split('\r\n');
    const rest = this.#head.subarray(end + HEAD_END.length);
    const status = Number(statusLine.split(' ')[1]);
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon > 0 && !OF_THE_CONNECTION.has(line.slice(0, colon).toLowerCase())) {
        headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
      }
    }
    if (status === 101) {
      this.#open(headers);
      if (rest.length > 0) this.#send(rest);
      return;
    }
    this.#refusal = { status: status >= 200 && status <= 599 ? status : 500, headers, body: [rest] };
  }

  /** An answer that is no WebSocket is complete when the app ends the connection. */
  #refuse(): void {
    if (!this.#refusal) return;
    const { status, headers, body } = this.#refusal;
    const empty = status === 204 || status === 205 || status === 304;
    this.#answer.resolve(new Response(empty ? null : Buffer.concat(body), { status, headers }));
  }

  #open(headers: Headers): void {
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = 'arraybuffer';
    server.accept();
    server.addEventListener('message', ({ data }: { data: string | ArrayBuffer }) => {
      if (typeof data === 'string') this.#receive(OPCODES.text, encoder.encode(data));
      else this.#receive(OPCODES.binary, new Uint8Array(data));
    });
    server.addEventListener('close', ({ code, reason }: { code: number; reason: string }) => {
      if (code === ABNORMAL) return void this.destroy();
      this.#receive(OPCODES.close, closePayload(code === NO_STATUS ? undefined : code, reason));
      this.#close(code, reason);
      this.push(null);
    });
    server.addEventListener('error', () => void this.destroy());
    this.#webSocket = server;
    this.#answer.resolve(new Response(null, { status: 101, headers, webSocket: client } as ResponseInit));
  }

  #send(bytes: Uint8Array): void {
    for (const message of this.#frames.read(bytes)) this.#pass(message);
  }

  #pass(message: Message): void {
    if (message.type === 'close') this.#close(message.code, message.reason);
    else if (message.type === 'ping') this.#receive(OPCODES.pong, message.bytes);
    else if (this.#closed || message.type === 'pong') return;
    else if (message.type === 'text') this.#webSocket?.send(message.text);
    else this.#webSocket?.send(message.bytes);
  }

  #receive(opcode: number, payload: Uint8Array): void {
    if (this.destroyed || this.readableEnded) return;
    const frame = clientFrame(opcode, payload);
    this.bytesRead += frame.length;
    this.push(frame);
  }

  #close(code?: number, reason?: string): void {
    if (this.#closed || !this.#webSocket) return;
    this.#closed = true;
    try {
      if (code === undefined || code === NO_STATUS) this.#webSocket.close();
      else this.#webSocket.close(code, reason);
    } catch {
      // A code that only endpoints may see.
      this.#webSocket.close();
    }
  }
}

/** What is agreed on for one connection, and not passed on. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'upgrade',
  'keep-alive',
  'transfer-encoding',
  'sec-websocket-accept',
  'sec-websocket-extensions',
]);
