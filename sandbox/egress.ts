/**
 * The machine's only way to the network: a proxy (RFC 9110, section 3.7) on a Unix socket that only the machine has. It
 * lets GET and HEAD through to the hosts that were allowed, and connects to the very address it has checked, so that no
 * name can come to mean an address inside. A redirect is a new request of the machine's, and is checked like any other.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isPublicAddress } from './addresses.ts';

export interface EgressOptions {
  /** Hosts that may be reached: a name, for the usual ports, or `name:port`. */
  allow: readonly string[];
  /** Of those, `host:port` of hosts that may be reached wherever they are. */
  trusted?: readonly string[];
  /** Told one line for each request: what was asked, and what became of it. */
  onRequest?: (line: string) => void;
}

/** What a test puts in the place of the network. */
export interface Network {
  /** All addresses of a name. */
  lookup: (name: string) => Promise<string[]>;
  isPublic: (address: string) => boolean;
}

export interface Gateway {
  close(): Promise<void>;
}

/** Most bytes of one response. */
const maxResponseBytes = 256 << 20;
const idleTimeoutMs = 30_000;
/** Header fields that belong to one connection (RFC 9110, section 7.6.1), or that the gateway sets itself. */
const connectionFields = new Set(
  'connection host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);

/** The gateway does not let a request through; the message says why. */
class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status = 403) {
    super(message);
    this.status = status;
  }
}

const internet: Network = {
  lookup: async (name) => (await dnsLookup(name, { all: true })).map(({ address }) => address),
  isPublic: isPublicAddress,
};

/** Listens on a Unix socket for the machine's requests. */
export async function startGateway(
  path: string,
  { allow, trusted = [], onRequest = () => {} }: EgressOptions = { allow: [] },
  network: Network = internet,
): Promise<Gateway> {
  const hosts = new Set(allow.map((host) => host.toLowerCase()));
  const inside = new Set(trusted.map((host) => host.toLowerCase()));
  // workerd names the host in the request line only.
  const server = createServer({ requireHostHeader: false }, async (request, response) => {
    const url = shortUrl(request.url ?? '');
    const start = performance.now();
    try {
      const bytes = await answer(request, response, { hosts, trusted: inside }, network);
      const took = Math.round(performance.now() - start);
      onRequest(`${request.method} ${url} ${response.statusCode}, ${bytes} bytes in ${took} ms`);
    } catch (error) {
      const { message } = error as Error;
      const refused = error instanceof Refusal;
      onRequest(`${request.method} ${url} ${refused ? 'refused' : 'failed'}: ${message}`);
      if (response.headersSent) response.destroy();
      else {
        response.writeHead(refused ? error.status : 502, { 'content-type': 'text/plain' });
        response.end(`${refused ? 'The sandbox does not allow this request' : 'The request failed'}: ${message}\n`);
      }
    }
  });
  for (const event of ['connect', 'upgrade'] as const) {
    server.on(event, (request: IncomingMessage, socket) => {
      onRequest(`${request.method} ${shortUrl(request.url ?? '')} refused: only HTTP requests leave the sandbox`);
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
    });
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A URL for the log: without credentials, query and fragment, which may hold secrets. */
function shortUrl(text: string): string {
  const url = URL.parse(text);
  return url ? url.origin + url.pathname.slice(0, 200) : JSON.stringify(text.slice(0, 200));
}

/** @returns how many bytes the response had */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { hosts, trusted }: { hosts: ReadonlySet<string>; trusted: ReadonlySet<string> },
  network: Network,
): Promise<number> {
  const { method = '' } = request;
  if (method !== 'GET' && method !== 'HEAD') throw new Refusal(`${method} is not GET or HEAD`, 405);
  const url = URL.parse(request.url ?? '');
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new Refusal('it is not for http or https', 400);
  if (!hosts.has(url.host) && !hosts.has(url.hostname)) {
    throw new Refusal(`the host ${url.host} is not among those the build may reach`);
  }
  if (!hosts.has(url.host) && url.port !== '')
    throw new Refusal(`the port ${url.port} of ${url.hostname} is not allowed`);
  const known = trusted.has(`${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`);
  const address = await publicAddress(url.hostname, known ? { ...network, isPublic: () => true } : network);

  const upstream = await send(request, url, address);
  response.writeHead(upstream.statusCode ?? 502, endToEnd(upstream));
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxResponseBytes) done(new Refusal(`the response is larger than ${maxResponseBytes} bytes`));
      else done(null, chunk);
    },
  });
  await pipeline(upstream, counter, response);
  return bytes;
}

/**
 * Resolves a host to the address to connect to.
 *
 * @throws Refusal when one of its addresses is not public: a name that has both is a trick
 */
async function publicAddress(hostname: string, { lookup, isPublic }: Network): Promise<string> {
  const literal = hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(literal) ? [literal] : await lookup(hostname);
  const inside = addresses.find((address) => !isPublic(address));
  if (inside !== undefined) throw new Refusal(`${hostname} is at ${inside}, which is not a public address`);
  const [first] = addresses;
  if (first === undefined) throw new Refusal(`${hostname} has no address`, 502);
  return first;
}

function send(request: IncomingMessage, url: URL, address: string): Promise<IncomingMessage> {
  const family = isIP(address);
  const pinned: LookupFunction = (_name, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = start(
      url,
      {
        method: request.method,
        headers: { ...endToEnd(request), host: url.host },
        lookup: pinned,
        agent: false,
        timeout: idleTimeoutMs,
      },
      resolve,
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${idleTimeoutMs / 1000} s`)));
    outgoing.on('error', reject);
    request.once('close', () => {
      if (!request.complete) outgoing.destroy();
    });
    outgoing.end();
  });
}

/** Header fields without those of the connection. */
function endToEnd({ headers }: IncomingMessage): Record<string, string | string[]> {
  const named = String(headers.connection ?? '')
    .toLowerCase()
    .split(/\s*,\s*/);
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !connectionFields.has(name) && !named.includes(name)) fields[name] = value;
  }
  return fields;
}
