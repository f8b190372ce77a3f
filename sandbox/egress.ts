/** The machine's only way to the network: see `startGateway`. */
import { createServer, type Server } from 'node:http';

export interface EgressOptions {
  /** Host names that may be reached. */
  allow: readonly string[];
  /** Told one line for each request. */
  onRequest?: (line: string) => void;
}

export interface Gateway {
  close(): Promise<void>;
}

/** Listens on a Unix socket for the machine's requests. */
export async function startGateway(path: string, _options: EgressOptions = { allow: [] }): Promise<Gateway> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(403, { 'content-type': 'text/plain' }).end('no network\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
