/**
 * Orders to a running platform, from commands on the same machine: HTTP over a Unix socket in the data directory, which
 * only the user that runs the platform may enter.
 */
import { rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { join } from 'node:path';
import { StartError } from './settings.ts';

/** What can be ordered, by path; each is called by POST and answers JSON. */
export type Orders = Record<string, () => Promise<unknown>>;

/** How long an order may take. Milliseconds. */
const PATIENCE_MS = 10 * 60_000;

/** Longer paths do not fit into the address of a Unix socket (unix(7)); macOS takes 104 bytes. */
const MAX_SOCKET_PATH = 100;

const socketPath = (dataDir: string): string => join(dataDir, 'run', 'control.sock');

/** Takes orders until the answer is closed; undefined where the data directory's path is too long for a socket. */
export async function listenForOrders(dataDir: string, orders: Orders): Promise<Server | undefined> {
  const path = socketPath(dataDir);
  if (path.length > MAX_SOCKET_PATH) return undefined;
  const server = createServer(async (incoming, outgoing) => {
    const order = incoming.method === 'POST' ? orders[incoming.url ?? ''] : undefined;
    const answer = (status: number, value: unknown) => outgoing.writeHead(status).end(JSON.stringify(value));
    if (!order) return answer(404, { message: `There is no order ${incoming.method} ${incoming.url}.` });
    try {
      return answer(200, (await order()) ?? {});
    } catch (error) {
      return answer(500, { message: error instanceof Error ? error.message : String(error) });
    }
  });
  // One that was killed leaves its socket behind.
  rmSync(path, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, resolve);
  await promise;
  return server;
}

/**
 * Gives an order to the platform that runs on a data directory; its answer.
 * @throws StartError when none can be reached, or it could not do it
 */
export async function order(dataDir: string, path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const outgoing = request({ socketPath: socketPath(dataDir), method: 'POST', path, timeout: PATIENCE_MS });
  outgoing.once('timeout', () => outgoing.destroy(new Error(`it did not answer in ${PATIENCE_MS / 1000} s`)));
  outgoing.once('error', reject);
  outgoing.once('response', async (response) => {
    const chunks = await response.toArray().catch(() => []);
    resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
  });
  outgoing.end();
  const { status, text } = await promise.catch((error: Error) => {
    const long = socketPath(dataDir).length > MAX_SOCKET_PATH;
    const advice = long ? `Its path is longer than a Unix socket takes (${MAX_SOCKET_PATH} bytes).` : 'Is it starting?';
    throw new StartError(`The platform on DATA_DIR ${dataDir} does not take orders: ${error.message}. ${advice}`);
  });
  const value = JSON.parse(text || '{}');
  if (status !== 200) throw new StartError(`The platform on DATA_DIR ${dataDir} could not: ${value.message}`);
  return value;
}
