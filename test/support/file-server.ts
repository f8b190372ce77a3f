import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A web server on loopback with what a test puts there: bodies, or redirects, by path. */
export class FileServer {
  readonly #server: Server;
  readonly #files = new Map<string, Buffer | { redirect: string }>();

  private constructor() {
    this.#server = createServer(({ url = '' }, response) => {
      const found = this.#files.get(url.replace(/\?.*/, ''));
      if (Buffer.isBuffer(found)) response.end(found);
      else if (found) response.writeHead(302, { location: found.redirect }).end();
      else response.writeHead(404).end();
    });
  }

  static async start(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** `127.0.0.1:<port>` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves something at a path, and returns its URL. */
  put(path: string, content: Buffer | { redirect: string }): string {
    this.#files.set(path, content);
    return this.url(path);
  }

  url(path: string): string {
    return `http://${this.host}${path}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
