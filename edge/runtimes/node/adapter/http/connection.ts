import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What apps ask of `req.socket`. There is no socket: each request has a stand-in of its own. */
export class Connection extends EventEmitter {
  readonly remoteAddress: string;
  readonly remoteFamily: string;
  readonly remotePort = 0;
  readonly localAddress = '127.0.0.1';
  readonly localPort: number;
  readonly encrypted: boolean;
  readable = true;
  writable = true;
  destroyed = false;
  timeout = 0;
  readonly #end: (error?: Error) => void;

  /** @param end ends the exchange that the connection carries */
  constructor(options: { remoteAddress: string; localPort: number; encrypted: boolean; end: (error?: Error) => void }) {
    super();
    this.remoteAddress = options.remoteAddress;
    this.remoteFamily = options.remoteAddress.includes(':') ? 'IPv6' : 'IPv4';
    this.localPort = options.localPort;
    this.encrypted = options.encrypted;
    this.#end = options.end;
  }

  address(): AddressInfo {
    return { address: this.localAddress, family: 'IPv4', port: this.localPort };
  }

  destroy(error?: Error): this {
    if (!this.destroyed) this.#end(error);
    return this;
  }

  /** The exchange is over. */
  closed(hadError: boolean): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.readable = false;
    this.writable = false;
    this.emit('close', hadError);
  }

  end(): this {
    return this;
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

  cork(): void {}

  uncork(): void {}
}
