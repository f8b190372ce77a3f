import http, { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { Server } from './server.ts';
import { ServerResponse } from './server-response.ts';

export { onListening, publicServer } from './server.ts';

/** Puts this server in the place of workerd's in `node:http`. */
export function replaceHttpServer(): void {
  Object.assign(http, {
    Server,
    ServerResponse,
    createServer: (...args: ConstructorParameters<typeof Server>) => new Server(...args),
  });
  patchIncomingMessage();
}

/** workerd's `pipe` does not wait for a slow reader, and its `socket` is not one that can be listened to. */
function patchIncomingMessage(): void {
  const { prototype } = http.IncomingMessage;
  const connection = {
    configurable: true,
    get(this: IncomingMessage & { _exchange?: Exchange }): Connection | undefined {
      return this._exchange?.connection;
    },
  };
  Object.defineProperties(prototype, {
    pipe: { configurable: true, writable: true, value: Readable.prototype.pipe },
    socket: connection,
    connection,
  });
}
