import { openSocket } from '../../../node/adapter/http/upgrade/index.ts';
import type { Connection } from '../bridge.ts';
import { requestHead } from './request-head.ts';

/** Lets the app's server do the handshake of a WebSocket over a connection of its own, and speak by it from then on. */
export function webSocket(request: Request, connection: Connection, port: number): Promise<Response> {
  const { headers, socket } = openSocket(request, port);
  connection.handler = {
    onBytes: (bytes) => socket.write(bytes),
    onClose: () => void socket.end(),
  };
  socket.on('drain', () => connection.resume());
  socket.once('close', () => connection.close());
  void send(requestHead(request, headers, 'webSocket'));
  return socket.response;

  async function send(head: Uint8Array): Promise<void> {
    if (!(await connection.write(head))) return;
    for await (const bytes of socket) if (!(await connection.write(bytes))) return;
    connection.close();
  }
}
