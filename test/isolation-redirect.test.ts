/** Servers on the internet that send an app on to this machine and its networks. */
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Runners } from './support/runners.ts';
import { textSlug } from './support/slug.ts';

/** An address of this machine that stands for a public one: all of 127.0.0.0/8 is loopback. */
const PUBLIC = '127.0.0.2';

let runners: Runners;
let redirects: Server;
const traps: Server[] = [];
let visits = 0;

/** Listens on an address; its port, or 0 where the machine has no such address. */
async function listen(server: Server, host: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.once('error', () => resolve());
  server.listen({ host, port: 0 }, resolve);
  await promise;
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function trap(host: string): Promise<number> {
  const server = createServer((_, response) => {
    visits += 1;
    response.end('secret');
  });
  traps.push(server);
  return listen(server, host);
}

beforeAll(async () => {
  redirects = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://redirects');
    if (pathname === '/page') return response.end('a public page');
    const status = Number(searchParams.get('status'));
    return response.writeHead(status, { location: searchParams.get('to') ?? '' }).end();
  });
  runners = await Runners.start(1, {}, PUBLIC);
  const slug = await textSlug(`require('node:http').createServer(async (req, res) => {
    const url = new URL(req.url, 'http://app').searchParams.get('url');
    const answer = await fetch(url, { method: 'POST', body: 'a body', signal: AbortSignal.timeout(10_000) }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      (error) => ({ error: String(error) }),
    );
    res.end(JSON.stringify(answer));
  }).listen(process.env.PORT);`);
  await runners.announce(runners.route('browser', slug));
});

afterAll(async () => {
  await runners?.stop();
  for (const server of [redirects, ...traps]) server.close();
});

interface Outcome {
  status?: number;
  text?: string;
  error?: string;
}

async function follow(publicPort: number, to: string, status: number): Promise<Outcome> {
  const url = `http://${PUBLIC}:${publicPort}/?${new URLSearchParams({ to, status: String(status) })}`;
  return JSON.parse((await runners.get('browser', `/?${new URLSearchParams({ url })}`)).text);
}

it('are followed to public addresses, and to no other, by number and by name', async () => {
  const publicPort = await listen(redirects, PUBLIC);
  const ports = { '127.0.0.1': await trap('127.0.0.1'), '[::1]': await trap('::1') };
  for (const status of [302, 307]) {
    const page = await follow(publicPort, `http://${PUBLIC}:${publicPort}/page`, status);
    expect(page).toEqual({ status: 200, text: 'a public page' });
  }
  expect(await fetch(`http://127.0.0.1:${ports['127.0.0.1']}/`).then((response) => response.text())).toBe('secret');
  const own = [
    ...['127.0.0.1', '127.1', '2130706433', '0.0.0.0', 'localhost', 'ip6-localhost', hostname()],
    ...['[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]'],
  ].map((host) => `http://${host}:${ports['127.0.0.1']}/`);
  const targets = [
    ...own,
    `http://[::1]:${ports['[::1]']}/`,
    `http://localhost:${ports['[::1]']}/`,
    ...['169.254.169.254', 'metadata.google.internal', '10.0.0.1', '192.168.0.1', '[fd00::1]'].map(
      (host) => `http://${host}/`,
    ),
    // The runner's own sockets and what is no network at all.
    `http://127.0.0.1:${runners.privatePort()}/ping`,
    'file:///etc/passwd',
  ];
  const outcomes = await Promise.all(
    targets.flatMap((to) =>
      [302, 307].map(async (status) => ({ to, status, ...(await follow(publicPort, to, status)) })),
    ),
  );
  expect(outcomes.filter(({ text, error }) => text !== undefined || !error)).toEqual([]);
  // Ours.
  expect(visits).toBe(1);
  expect(outcomes).toHaveLength(targets.length * 2);
});
