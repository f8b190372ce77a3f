import http from 'node:http';
import { IncomingMessage } from './incoming-message.ts';
import { Server } from './server.ts';
import { ServerResponse } from './server-response.ts';

export { onListening, publicServer } from './server.ts';

/** Puts this server in the place of workerd's in `node:http`. */
export function replaceHttpServer(): void {
  Object.assign(http, {
    Server,
    ServerResponse,
    IncomingMessage,
    createServer: (...args: ConstructorParameters<typeof Server>) => new Server(...args),
  });
}
