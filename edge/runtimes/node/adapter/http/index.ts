import http from 'node:http';
import { IncomingMessage } from './incoming-message.ts';
import { serveOwnRequests } from './own-requests.ts';
import { Server } from './server.ts';
import { ServerResponse } from './server-response.ts';

export { onListening, publicServer, type Server } from './server.ts';
export { closeUpgraded, hasUpgraded } from './upgrade/index.ts';

/** Puts this server in the place of workerd's in `node:http`. */
export function replaceHttpServer(): void {
  Object.assign(http, {
    Server: callable(Server),
    ServerResponse,
    IncomingMessage,
    createServer: (...args: ConstructorParameters<typeof Server>) => new Server(...args),
  });
  serveOwnRequests();
}

/** `http.Server(app)` makes one without `new` in Node.js, where it is a function. */
const callable = (Class: typeof Server): typeof Server =>
  new Proxy(Class, { apply: (_, __, args) => new Class(...args) });
