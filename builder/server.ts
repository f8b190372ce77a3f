/** The builder's HTTP interface: schema/build.ts. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { type BuildEvent, type BuildOrder, buildOrder } from '../schema/build.ts';
import { type Builder, runBuild } from './build.ts';
import type { OneOffs } from './oneoff/one-offs.ts';
import { Slots } from './slots.ts';

/** Between two signs of life on a quiet connection, in milliseconds. */
const keepAlive = 15_000;

/** Most bytes of an order: config vars are 64 KB at most, and the rest is small. */
const maxOrder = 1024 ** 2;

/** The server, and the builds that it runs. */
export interface BuildServer {
  /** It does not listen yet. */
  server: Server;
  /** Ends all connections, and resolves when their builds are cancelled and have left nothing behind. */
  stop(): Promise<void>;
}

/**
 * @param concurrency builds that run at once
 * @param oneOffs where there are one-off dynos, too
 */
export function createBuildServer(
  builder: Builder,
  { concurrency, oneOffs }: { concurrency: number; oneOffs?: OneOffs },
): BuildServer {
  const slots = new Slots(concurrency);
  const running = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const handled = handle(request, response).catch((error: unknown) => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
    running.add(handled);
    void handled.then(() => running.delete(handled));
  });
  return {
    server,
    async stop() {
      server.close();
      server.closeAllConnections();
      await Promise.all([...running, oneOffs?.close()]);
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/health') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    } else if (!isAuthorized(request.headers.authorization, builder.secret)) {
      response.writeHead(401).end();
    } else if (oneOffs && /^\/dynos(\/|$)/.test(request.url ?? '')) {
      await oneOffs.handle(request, response);
    } else if (request.method !== 'POST' || request.url !== '/builds') {
      response.writeHead(404).end();
    } else {
      const order = await readOrder(request);
      if (typeof order === 'string') response.writeHead(400, { 'content-type': 'text/plain' }).end(`${order}\n`);
      else await answer(order, response);
    }
  }

  /** Streams a build. Closing the connection cancels it. */
  async function answer(order: BuildOrder, response: ServerResponse): Promise<void> {
    const cancelled = new AbortController();
    response.on('close', () => cancelled.abort(new Error('The connection was closed')));
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    response.flushHeaders();
    const emit = (event: BuildEvent) => void response.write(`${JSON.stringify(event)}\n`);
    const alive = setInterval(() => response.write('\n'), keepAlive);
    let leave = () => {};
    try {
      leave = await slots.take(cancelled.signal, (ahead) =>
        emit({
          type: 'output',
          text: `-----> Waiting: ${ahead === 1 ? 'another build is' : `${ahead} other builds are`} before this one\n`,
        }),
      );
      emit(await runBuild(order, builder, emit, cancelled.signal));
    } catch (error) {
      if (!cancelled.signal.aborted) throw error;
    } finally {
      leave();
      clearInterval(alive);
      response.end();
    }
  }
}

/** @returns what is wrong with the order, as text, where it is none */
async function readOrder(request: IncomingMessage): Promise<BuildOrder | string> {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > maxOrder) request.destroy(new Error(`The order is larger than ${maxOrder} bytes`));
  });
  const body: unknown = await json(request).catch(() => undefined);
  const parsed = buildOrder.safeParse(body);
  return parsed.success
    ? parsed.data
    : `Not a build order: ${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')}`;
}

/** Compares in a time that says nothing about where two secrets differ. */
function isAuthorized(header: string | undefined, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${secret}`));
}
