/** The thread of listen.ts: opens the sockets, tells their descriptors, and never returns to its event loop. */
import { createServer, type Server } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { Address, Socket } from './listen.ts';

const BACKLOG = 1024;

/** Node keeps the descriptor of a server's handle to itself; it has had this property since 0.x. */
const descriptor = (server: Server) => (server as unknown as { _handle: { fd: number } })._handle.fd;

const servers: Server[] = [];

function listen({ host, port }: Address): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const server = createServer();
  servers.push(server);
  server.once('error', (error) => reject({ ...error, message: error.message, host, port }));
  server.listen({ host, port, backlog: BACKLOG, ipv6Only: host.includes(':') && host !== '::' }, () => {
    const address = server.address();
    resolve({ fd: descriptor(server), port: typeof address === 'object' && address ? address.port : port });
  });
  return promise;
}

try {
  const sockets: Socket[] = [];
  for (const address of workerData as Address[]) sockets.push(await listen(address));
  parentPort?.postMessage(sockets);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
} catch (error) {
  for (const server of servers) server.close();
  parentPort?.postMessage(error);
}
