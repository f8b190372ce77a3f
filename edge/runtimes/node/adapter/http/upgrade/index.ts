import type { EventEmitter } from 'node:events';
import { uncaught } from '../../errors.ts';
import { IncomingMessage } from '../incoming-message.ts';
import { FetchedRequest } from '../request.ts';
import { UpgradedSocket } from './socket.ts';

const { Request: FetchRequest } = globalThis;

/** Those that are open. */
const sockets = new Set<UpgradedSocket>();

/** Whether a request asks for a WebSocket, and the server has a listener for that. */
export const isUpgrade = (server: EventEmitter, request: Request): boolean =>
  request.headers.get('upgrade')?.toLowerCase() === 'websocket' && server.listenerCount('upgrade') > 0;

/** Gives a request to the `upgrade` listeners of a server, as Node.js does (documentation, "HTTP", event `upgrade`). */
export function upgrade(server: EventEmitter, request: Request, port: number): Promise<Response> {
  const { headers, socket } = openSocket(request, port);
  const incoming = IncomingMessage.of(new FetchedRequest(new FetchRequest(request.url, { headers })));
  Object.defineProperties(incoming, { socket: { value: socket }, connection: { value: socket } });
  try {
    server.emit('upgrade', incoming, socket, Buffer.alloc(0));
  } catch (error) {
    uncaught(error);
  }
  return socket.response;
}

/**
 * Makes of a request for a WebSocket what a server gets.
 *
 * @param port where it listens
 * @returns the headers of the handshake, and the connection
 */
export function openSocket(request: Request, port: number): { headers: Headers; socket: UpgradedSocket } {
  const headers = new Headers(request.headers);
  // workerd has kept what concerns the connection; the app has to see a handshake nonetheless, and no extension that
  // would change the frames.
  headers.set('connection', 'Upgrade');
  headers.set('upgrade', 'websocket');
  if (!headers.has('sec-websocket-version')) headers.set('sec-websocket-version', '13');
  if (!headers.has('sec-websocket-key')) {
    headers.set('sec-websocket-key', Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64'));
  }
  headers.delete('sec-websocket-extensions');
  const forwarded = headers.get('x-forwarded-for') ?? '127.0.0.1';
  const remoteAddress = forwarded.slice(forwarded.lastIndexOf(',') + 1).trim();
  const socket = new UpgradedSocket({ remoteAddress, localPort: port });
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  // A library may never listen, and the client's going is no error of the app's.
  socket.on('error', () => {});
  return { headers, socket };
}

/** Whether a client has a WebSocket open. */
export const hasUpgraded = (): boolean => sockets.size > 0;

/** Ends every WebSocket: the process goes away. */
export function closeUpgraded(): void {
  for (const socket of sockets) socket.goAway();
}
