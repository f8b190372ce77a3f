import { once } from 'node:events';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
const repositories: Repository[] = [];

beforeAll(async () => {
  platform = await Platform.start();
  await deploy('echoes', {
    'package.json': '{"dependencies":{"ws":"8.18.3"}}',
    'server.js': `
      const { createServer } = require('node:http');
      const { WebSocketServer } = require('ws');
      let sent = 0;
      const server = createServer((req, res) => res.end(req.url === '/sent' ? String(sent) : 'plain'));
      // It is not to be compressed on its way.
      const part = Buffer.from(Uint32Array.from({ length: 25_000 }, () => Math.random() * 2 ** 32).buffer);
      const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] });
      server.on('upgrade', (req, socket, head) => {
        if (req.url === '/forbidden') {
          socket.end('HTTP/1.1 403 Forbidden\\r\\nContent-Type: text/plain\\r\\n\\r\\nnot you');
          return;
        }
        if (req.url === '/dropped') return socket.destroy();
        sockets.handleUpgrade(req, socket, head, (ws) => sockets.emit('connection', ws, req));
      });
      sockets.on('connection', (ws, req) => {
        ws.on('message', (data, isBinary) => {
          if (String(data) === 'close') return ws.close(4001, 'as you wish');
          if (String(data) === 'everyone') {
            for (const other of sockets.clients) other.send('to all');
            return;
          }
          if (String(data) === 'flood') {
            for (let i = 0; i < 400; i++) ws.send(part);
            return;
          }
          if (String(data) === 'stream') {
            const next = () => sent < 1000 && ws.send(part, () => { sent += 1; next(); });
            return next();
          }
          if (String(data) === 'ping') return ws.ping(() => {});
          ws.send(data, { binary: isBinary });
        });
        ws.on('pong', () => ws.send('alive'));
        ws.on('close', (code, reason) => console.log('closed ' + code + ' ' + reason));
        ws.send('hello ' + req.url + ' from ' + req.headers.origin + ' ' + req.socket.remoteAddress);
      });
      server.listen(process.env.PORT);
    `,
  });
});
afterAll(async () => {
  for (const repository of repositories) await repository.destroy();
  await platform?.destroy();
});

async function deploy(name: string, files: Record<string, string>): Promise<void> {
  const repository = await Repository.create(files);
  repositories.push(repository);
  await platform.api('POST', '/apps', { name });
  const { code, stderr } = await repository.git('push', platform.remote(name), 'main');
  if (code !== 0) throw new Error(stderr);
}

const open = (app: string, path = '/', protocols: string[] = []) =>
  new WebSocket(`ws://127.0.0.1:${platform.port}${path}`, protocols, {
    headers: { host: `${app}.localhost:${platform.port}`, origin: 'http://page.example' },
  });

/** Messages as they come. */
function reader(socket: WebSocket): () => Promise<string> {
  const waiting: string[] = [];
  const readers: ((text: string) => void)[] = [];
  socket.on('message', (data) => {
    const next = readers.shift();
    if (next) next(String(data));
    else waiting.push(String(data));
  });
  return () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = waiting.shift();
    if (first === undefined) readers.push(resolve);
    else resolve(first);
    return promise;
  };
}

it('speaks with an app that uses ws', async () => {
  const socket = open('echoes', '/chat?room=1', ['chat', 'other']);
  const next = reader(socket);
  expect(await next()).toBe('hello /chat?room=1 from http://page.example 127.0.0.1');
  expect(socket.protocol).toBe('chat');
  socket.send('tëxt');
  expect(await next()).toBe('tëxt');
  socket.send('ping');
  expect(await next()).toBe('alive');
  const [code, reason] = await Promise.all([once(socket, 'close'), socket.send('close')]).then(([all]) => all);
  expect([code, String(reason)]).toEqual([4001, 'as you wish']);
  expect((await platform.app('echoes')).text).toBe('plain');
});

it('carries large and binary messages, whole and in parts', async () => {
  const socket = open('echoes');
  await once(socket, 'message');
  const bytes = Buffer.alloc(3_000_000, 'x');
  socket.send(bytes.subarray(0, 1_000_000), { fin: false, binary: true });
  socket.send(bytes.subarray(1_000_000), { fin: true, binary: true });
  const [data, isBinary] = await once(socket, 'message');
  expect(isBinary).toBe(true);
  expect(bytes.equals(data)).toBe(true);
  socket.close();
});

it('lets one client reach the others, and notices those that go', async () => {
  const [one, two] = [open('echoes'), open('echoes')];
  const [fromOne, fromTwo] = [reader(one), reader(two)];
  await Promise.all([fromOne(), fromTwo()]);
  one.send('everyone');
  expect(await Promise.all([fromOne(), fromTwo()])).toEqual(['to all', 'to all']);
  one.close(4002, 'leaving');
  two.terminate();
  await expect.poll(() => platform.log('echoes'), { timeout: 20_000 }).toContain('closed 4002 leaving');
  await expect.poll(() => platform.log('echoes'), { timeout: 20_000 }).toContain('closed 1006');
});

it('lets an app wait for a client that does not read', async () => {
  const socket = open('echoes');
  await once(socket, 'message');
  let bytes = 0;
  socket.on('message', (data) => {
    bytes += (data as Buffer).length;
  });
  socket.pause();
  socket.send('stream');
  const sent = async () => Number((await platform.app('echoes', '/sent')).text);
  let before = -1;
  await vi.waitUntil(
    async () => {
      const now = await sent();
      const still = now > 0 && now === before;
      before = now;
      return still;
    },
    { timeout: 30_000, interval: 500 },
  );
  expect(before).toBeLessThan(1000);
  socket.resume();
  await expect.poll(() => bytes, { timeout: 60_000 }).toBe(1000 * 100_000);
  expect(await sent()).toBe(1000);
  socket.close();
});

it('closes the WebSocket of a client that does not read when its app sends on', async () => {
  const socket = open('echoes');
  await once(socket, 'message');
  socket.pause();
  socket.send('flood');
  await expect
    .poll(() => platform.log('echoes'), { timeout: 30_000 })
    .toContain('A WebSocket is closed: its client does not read, and more than 16 MiB wait for it.');
  expect((await platform.app('echoes')).text).toBe('plain');
  socket.terminate();
});

it('passes on what an app answers in the place of a WebSocket', async () => {
  const refused = open('echoes', '/forbidden');
  refused.on('error', () => {});
  const [, response] = await once(refused, 'unexpected-response');
  expect(response.statusCode).toBe(403);
  response.resume();
  const dropped = open('echoes', '/dropped');
  dropped.on('error', () => {});
  const [, failed] = await once(dropped, 'unexpected-response');
  expect(failed.statusCode).toBe(503);
  failed.resume();
  await expect.poll(() => platform.log('echoes'), { timeout: 20_000 }).toContain('status=101');
});

it('says that it goes away when a new release takes its place', async () => {
  const socket = open('echoes');
  await once(socket, 'message');
  const closed = once(socket, 'close');
  await platform.api('PATCH', '/apps/echoes/config-vars', { A: '1' });
  const [code] = await closed;
  expect(code).toBe(1001);
});

it('serves Socket.IO, by polling and by WebSocket', async () => {
  await deploy('chatter', {
    'package.json': '{"dependencies":{"socket.io":"4.8.1","socket.io-client":"4.8.1"}}',
    'server.js': `
      const server = require('node:http').createServer();
      const io = new (require('socket.io').Server)(server);
      io.on('connection', (socket) => {
        socket.on('sum', (a, b, reply) => reply(a + b));
        socket.on('shout', (text) => io.emit('heard', text.toUpperCase()));
      });
      server.listen(process.env.PORT);
    `,
  });
  // The handshake of engine.io by polling, then the upgrade that every browser makes.
  const poll = await platform.app('chatter', '/socket.io/?EIO=4&transport=polling');
  const { sid, upgrades } = JSON.parse(poll.text.slice(1));
  expect(upgrades).toContain('websocket');
  const socket = open('chatter', `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  const next = reader(socket);
  await once(socket, 'open');
  socket.send('2probe');
  expect(await next()).toBe('3probe');
  socket.send('5');
  socket.send('40');
  expect(await next()).toMatch(/^40\{"sid":/);
  socket.send('421["sum",2,3]');
  expect(await next()).toBe('431[5]');
  socket.send('42["shout","hi"]');
  expect(await next()).toBe('42["heard","HI"]');
  socket.close();
});

it('serves a Worker that answers with a WebSocketPair', async () => {
  await deploy('pairs', {
    'wrangler.toml': 'main = "worker.js"\n',
    'worker.js': `
      export default {
        fetch() {
          const { 0: client, 1: server } = new WebSocketPair();
          server.accept();
          server.addEventListener('message', ({ data }) => server.send('echo ' + data));
          return new Response(null, { status: 101, webSocket: client });
        },
      };
    `,
  });
  const socket = open('pairs');
  await once(socket, 'open');
  socket.send('one');
  expect(String((await once(socket, 'message'))[0])).toBe('echo one');
  socket.close();
});
