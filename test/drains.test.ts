import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;
let https: Server;
let tcp: TcpServer;
/** What the receivers were sent. */
const requests: { headers: IncomingHttpHeaders; body: string; path: string }[] = [];
let received = '';
/** What the receiver over HTTP answers. */
let status = 204;

beforeAll(async () => {
  https = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (status < 300) requests.push({ headers: request.headers, body, path: request.url ?? '' });
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  tcp = createTcpServer((socket) => {
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await Promise.all([once(https, 'listening'), once(tcp, 'listening')]);
  platform = await Platform.start({ TRUSTED_HOSTS: `${addressOf(https)},${addressOf(tcp)}` });
  repository = await Repository.create({
    'package.json': '{"name":"talker"}',
    'server.js': `require('node:http').createServer((req, res) => {
      console.log('said ' + decodeURIComponent(req.url.slice(1)));
      res.end();
    }).listen(process.env.PORT);`,
  });
  await platform.api('POST', '/apps', { name: 'talker' });
  await repository.git('push', platform.remote('talker'), 'main');
});
afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
  https?.close();
  tcp?.close();
});

const addressOf = (server: Server | TcpServer) => `127.0.0.1:${(server.address() as AddressInfo).port}`;

/** The messages of octet-counted frames; throws where a count is wrong. */
function messagesOf(frames: string): string[] {
  const messages: string[] = [];
  let rest = Buffer.from(frames);
  while (rest.length > 0) {
    const space = rest.indexOf(' ');
    const length = Number(rest.subarray(0, space).toString());
    const message = rest.subarray(space + 1, space + 1 + length).toString();
    expect(message.endsWith('\n')).toBe(true);
    messages.push(message.trimEnd());
    rest = rest.subarray(space + 1 + length);
  }
  return messages;
}

const delivered = () => requests.flatMap(({ body }) => messagesOf(body)).join('\n');

it('sends lines to an https drain as Logplex does', async () => {
  const url = `http://ada:secret@${addressOf(https)}/logs?app=talker`;
  const { status: created, body: drain } = await platform.api('POST', '/apps/talker/log-drains', { url });
  expect(created).toBe(201);
  expect(drain).toMatchObject({ url, token: expect.stringMatching(/^d\.[0-9a-f-]{36}$/) });
  await platform.app('talker', '/hello%0Aworld');
  await expect.poll(delivered, { timeout: 20_000 }).toContain('said hello');
  const [first] = requests;
  expect(first?.path).toBe('/logs?app=talker');
  expect(first?.headers).toMatchObject({
    'content-type': 'application/logplex-1',
    'logplex-drain-token': drain.token,
    'logplex-msg-count': String(messagesOf(first?.body ?? '').length),
    'logplex-frame-id': expect.any(String),
    authorization: `Basic ${Buffer.from('ada:secret').toString('base64')}`,
  });
  const line = delivered()
    .split('\n')
    .find((text) => text.includes('said hello'));
  expect(line).toMatch(/^<190>1 \d{4}-\d\d-\d\dT[\d:.]+\+00:00 d\.[0-9a-f-]+ app web\.1 - said hello$/);
  expect(delivered()).toMatch(/<158>1 \S+ \S+ heroku router - at=info method=GET path="\/hello%0Aworld"/);
});

it('keeps what a receiver did not take, over a kill, and sends it in order', async () => {
  status = 503;
  for (const name of ['one', 'two', 'three']) await platform.app('talker', `/${name}`);
  await expect.poll(() => platform.log('talker'), { timeout: 20_000 }).toContain('said three');
  await platform.stop('SIGKILL');
  await platform.start({ TRUSTED_HOSTS: `${addressOf(https)},${addressOf(tcp)}` });
  expect(delivered()).not.toContain('said one');
  status = 204;
  await expect.poll(delivered, { timeout: 60_000 }).toContain('said three');
  const said = delivered().match(/said \w+/g) ?? [];
  expect(said.filter((text) => ['said one', 'said two', 'said three'].includes(text))).toEqual([
    'said one',
    'said two',
    'said three',
  ]);
});

it('sends lines to a syslog drain', async () => {
  await platform.api('POST', '/apps/talker/log-drains', { url: `syslog://${addressOf(tcp)}` });
  await platform.app('talker', '/by-tcp');
  await expect.poll(() => messagesOf(received).join('\n'), { timeout: 20_000 }).toContain('app web.1 - said by-tcp');
});

it('lists and removes drains, by their id, token or URL', async () => {
  const { body: drains } = await platform.api<{ id: string; url: string; token: string }[]>(
    'GET',
    '/apps/talker/log-drains',
  );
  expect(drains).toHaveLength(2);
  const [first, second] = drains;
  await platform.api('DELETE', `/apps/talker/log-drains/${encodeURIComponent(first?.url ?? '')}`);
  await platform.api('DELETE', `/apps/talker/log-drains/${second?.token}`);
  expect((await platform.api('GET', '/apps/talker/log-drains')).body).toEqual([]);
  expect((await platform.api('DELETE', `/apps/talker/log-drains/${second?.id}`)).status).toBe(404);
});

it('refuses what is no drain', async () => {
  const add = (url: unknown) => platform.api('POST', '/apps/talker/log-drains', { url });
  for (const url of ['ftp://example.com', 'http://example.com/', 'nonsense', 'syslog:', 7]) {
    expect((await add(url)).status).toBe(422);
  }
  await add('https://logs.example.com/');
  expect(await add('https://logs.example.com/')).toMatchObject({
    status: 422,
    body: { id: 'invalid_params', message: 'Url has already been taken' },
  });
});

it('reaches no private address', async () => {
  let reached = false;
  const secret = createServer((_, response) => {
    reached = true;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(secret, 'listening');
  const { port } = secret.address() as AddressInfo;
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433']) {
    await platform.api('POST', '/apps/talker/log-drains', { url: `https://${host}:${port}/` });
    await platform.api('POST', '/apps/talker/log-drains', { url: `syslog://${host}:${port}/` });
  }
  const before = requests.length;
  await platform.api('POST', '/apps/talker/log-drains', { url: `http://${addressOf(https)}/marker` });
  await platform.app('talker', '/private');
  // The drain that is allowed has its lines, so the others have had their turn.
  await expect.poll(() => requests.length, { timeout: 20_000 }).toBeGreaterThan(before);
  expect(reached).toBe(false);
  secret.close();
});
