/**
 * Where the client of an attached dyno and its command meet, as on Heroku's rendezvous.runtime.heroku.com: the client
 * connects with TLS and sends `<secret>\r\n`; it gets the line `rendezvous\r\n`, and from then on what the command prints,
 * while what it sends is typed. (Read from the source of the npm package heroku, lib/run/dyno.)
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { KeyPair } from './certificate.ts';
import type { Connection } from './terminal.ts';

/** How long a dyno waits for its client (Heroku's R13). Milliseconds. */
const PATIENCE_MS = 60_000;

/** How long a client may take to say its secret. Milliseconds. */
const HELLO_MS = 10_000;

/** A connection on which nothing moves ends, as Heroku's does. Milliseconds. */
const IDLE_MS = 3_600_000;

const MAX_HELLO = 256;

interface Expected {
  /** The client is there. */
  arrived(connection: Connection): void;
  /** It did not come in time. */
  missed(): void;
}

export class Rendezvous {
  readonly #server: Server;
  readonly #expected = new Map<string, Expected & { timer: NodeJS.Timeout }>();
  readonly #sockets = new Set<TLSSocket>();

  private constructor(pair: KeyPair) {
    this.#server = createServer({ key: pair.key, cert: pair.certificate }, (socket) => this.#greet(socket));
    this.#server.on('tlsClientError', () => {});
  }

  /** @param port 0 takes a free one */
  static async open(pair: KeyPair, { host, port }: { host: string; port: number }): Promise<Rendezvous> {
    const rendezvous = new Rendezvous(pair);
    await new Promise<void>((resolve, reject) => {
      rendezvous.#server.once('error', reject);
      rendezvous.#server.listen({ host, port }, resolve);
    });
    return rendezvous;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** @returns the secret by which the client is to be known, once */
  expect(expected: Expected): string {
    const secret = randomBytes(24).toString('base64url');
    const timer = setTimeout(() => {
      this.#expected.delete(secret);
      expected.missed();
    }, PATIENCE_MS);
    this.#expected.set(secret, { ...expected, timer });
    return secret;
  }

  async close(): Promise<void> {
    for (const { timer } of this.#expected.values()) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #greet(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8').setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setTimeout(HELLO_MS, () => socket.destroy());
    let hello = '';
    const read = (text: string) => {
      hello += text;
      const end = hello.indexOf('\n');
      if (end < 0 && hello.length <= MAX_HELLO) return;
      socket.off('data', read);
      const expected = this.#take(hello.slice(0, end).trim());
      if (!expected) return socket.destroy();
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      socket.write('rendezvous\r\n');
      expected.arrived(connectionOf(socket, hello.slice(end + 1)));
    };
    socket.on('data', read);
  }

  #take(secret: string): Expected | undefined {
    const expected = this.#expected.get(secret);
    clearTimeout(expected?.timer);
    this.#expected.delete(secret);
    return expected;
  }
}

/** @param early what came together with the secret */
function connectionOf(socket: TLSSocket, early: string): Connection {
  return {
    write: (text) => void (socket.writable && socket.write(text)),
    end: () => void socket.end(),
    onData(listener) {
      if (early) listener(early);
      socket.on('data', listener);
    },
    onClose: (listener) => void socket.on('close', listener),
  };
}
