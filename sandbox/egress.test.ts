import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isPublicAddress } from './addresses.ts';
import { type EgressOptions, type Gateway, type Network, startGateway } from './egress.ts';

let upstream: Server;
let port: number;
let seen: IncomingMessage[];
let directory: string;
let gateway: Gateway;
let lines: string[];

beforeAll(async () => {
  upstream = createServer((incoming, response) => {
    seen.push(incoming);
    if (incoming.url === '/moved') response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end();
    else response.writeHead(200, { 'x-answer': 'yes', connection: 'close' }).end('content');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  ({ port } = upstream.address() as AddressInfo);
});
afterAll(() => new Promise((resolve) => upstream.close(resolve)));

beforeEach(async () => {
  seen = [];
  lines = [];
  directory = await mkdtemp(join(tmpdir(), 'egress-test-'));
});
afterEach(async () => {
  await gateway.close();
  await rm(directory, { recursive: true });
});

/** A network in which every name is the upstream's, and its address counts as public. */
const loopback: Network = { lookup: async () => ['127.0.0.1'], isPublic: (address) => address === '127.0.0.1' };

async function start(allow: string[], network?: Network): Promise<void> {
  const options: EgressOptions = { allow, onRequest: (line) => lines.push(line) };
  gateway = await startGateway(join(directory, 'egress.sock'), options, network);
}

/** Asks the gateway as workerd does: with the whole URL in the request line. */
function ask(
  url: string,
  method = 'GET',
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath: join(directory, 'egress.sock'), path: url, method, agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('a request to an allowed host', () => {
  test('passes, with a line that has no secrets', async () => {
    await start([`files.example:${port}`], loopback);
    const answer = await ask(`http://user:pass@files.example:${port}/a/b?token=secret`);
    expect(answer).toMatchObject({ status: 200, body: 'content', headers: { 'x-answer': 'yes' } });
    expect(seen[0]?.headers.host).toBe(`files.example:${port}`);
    expect(seen[0]?.url).toBe('/a/b?token=secret');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^GET http:\/\/files\.example:\d+\/a\/b 200, 7 bytes in \d+ ms$/);
  });

  test('goes to the address that was checked, whatever the name means later', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    await start([`files.example:${port}`], { ...loopback, lookup: async () => answers.shift() ?? [] });
    expect(await ask(`http://files.example:${port}/`)).toMatchObject({ status: 200 });
    const second = await ask(`http://files.example:${port}/`);
    expect(second).toMatchObject({ status: 403 });
    expect(second.body).toContain('10.0.0.1, which is not a public address');
    expect(seen).toHaveLength(1);
  });

  test('hands a redirect back, whose target is a request of its own', async () => {
    await start([`files.example:${port}`], loopback);
    const { status, headers } = await ask(`http://files.example:${port}/moved`);
    expect(status).toBe(302);
    expect(await ask(String(headers.location))).toMatchObject({ status: 403 });
  });
});

describe('refused', () => {
  test.each([
    ['POST', 'http://files.example/', 405, 'POST is not GET or HEAD'],
    ['GET', 'http://other.example/', 403, 'other.example is not among those'],
    ['GET', 'http://files.example.evil.example/', 403, 'not among those'],
    ['GET', 'http://files.example:22/', 403, 'the port 22 of files.example is not allowed'],
    ['GET', 'ftp://files.example/', 400, 'not for http or https'],
    ['GET', '/relative', 400, 'not for http or https'],
  ])('%s %s', async (method, url, status, reason) => {
    await start(['files.example'], loopback);
    const answer = await ask(url, method);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(reason);
    expect(lines[0]).toContain('refused');
    expect(seen).toHaveLength(0);
  });

  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '10.1.2.3',
    'localhost',
  ])('the allowed host %s, as it is inside', async (host) => {
    const { hostname } = new URL(`http://${host}/`);
    await start([hostname]);
    const answer = await ask(`http://${host}/`);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('which is not a public address');
  });

  test('a name with one address inside', async () => {
    await start(['files.example'], { ...loopback, lookup: async () => ['127.0.0.1', '192.168.0.1'] });
    expect(await ask('http://files.example/')).toMatchObject({ status: 403 });
    expect(seen).toHaveLength(0);
  });

  test('a tunnel', async () => {
    await start(['files.example'], loopback);
    const status = await new Promise((resolve, reject) => {
      const outgoing = request({
        socketPath: join(directory, 'egress.sock'),
        method: 'CONNECT',
        path: 'files.example:443',
        agent: false,
      });
      outgoing.on('connect', ({ statusCode }, socket) => {
        socket.destroy();
        resolve(statusCode);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(status).toBe(403);
  });
});

test.each([
  ['1.1.1.1', true],
  ['2606:4700:4700::1111', true],
  ['172.15.0.1', true],
  ['172.31.255.255', false],
  ['100.64.0.1', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['fd00::1', false],
  ['fe80::1%eth0', false],
  ['::ffff:10.0.0.1', false],
  ['64:ff9b::7f00:1', false],
  ['not an address', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});
