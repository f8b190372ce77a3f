/** What one app cannot reach: other apps, the platform, this machine and its networks; and what a loud one cannot stop. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

const SECRET = 'the-config-var-of-the-victim';

let platform: Platform;
let repository: Repository;

/** Runs code in an app, as a body of an async function; what it returns or, as `error`, throws. */
async function run<T = unknown>(app: string, code: string): Promise<{ value?: T; error?: string }> {
  const { status, text } = await platform.app(app, '/', { method: 'POST', body: code });
  expect(status, text).toBe(200);
  return JSON.parse(text);
}

const server = `
const AsyncFunction = (async () => {}).constructor;
require('node:http').createServer(async (req, res) => {
  let code = '';
  for await (const chunk of req) code += chunk;
  const answer = await new AsyncFunction('require', 'req', code)(require, req).then(
    (value) => ({ value }),
    (error) => ({ error: String(error?.message ?? error) }),
  );
  res.end(JSON.stringify(answer));
}).listen(process.env.PORT);
`;

/** Listens on an address, and counts who comes. */
function trap(host: string): Promise<{ server: Server; port: number; visits: () => number } | undefined> {
  let visits = 0;
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof trap>>>();
  const listening = createServer((socket) => {
    visits += 1;
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret');
  });
  listening.once('error', () => resolve(undefined));
  listening.listen({ host, port: 0 }, () => {
    const address = listening.address();
    resolve({ server: listening, port: typeof address === 'object' ? (address?.port ?? 0) : 0, visits: () => visits });
  });
  return promise;
}

/** TCP ports of this machine that something listens on for IPv4 loopback or any address (proc(5), net/tcp). */
const listeningPorts = (): number[] =>
  readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, , local = '', , state] = line.split(/\s+/);
      const [address, port = ''] = local.split(':');
      return state === '0A' && (address === '0100007F' || address === '00000000') ? [Number.parseInt(port, 16)] : [];
    });

beforeAll(async () => {
  platform = await Platform.start({ RUNNERS: '1' });
  repository = await Repository.create({
    'package.json': '{"name":"app","scripts":{"start":"node server.js"}}',
    'server.js': server,
    'private.txt': SECRET,
  });
  for (const app of ['victim', 'spy']) {
    await platform.api('POST', '/apps', { name: app });
    if (app === 'victim') await platform.api('PATCH', '/apps/victim/config-vars', { PASSWORD: SECRET });
    else await repository.git('rm', '--quiet', 'private.txt');
    await repository.commit(app);
    const { code, stderr } = await repository.git('push', platform.remote(app), 'main');
    expect(code, stderr).toBe(0);
  }
  expect((await run('victim', 'return process.env.PASSWORD')).value).toBe(SECRET);
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

describe('of another app', () => {
  it('its config vars, and the platform’s secrets, are in no environment', async () => {
    const { value } = await run<string>(
      'spy',
      `const { env } = await import('cloudflare:workers').catch(() => ({ env: {} }));
       return JSON.stringify([process.env, Object.keys(env), process.argv, process.execArgv]);`,
    );
    expect(value).not.toContain(SECRET);
    expect(value).not.toContain(platform.apiKey);
    expect(value).not.toMatch(/INTERNAL|SECRET_KEY|TRACE|LOADER|DYNO"\s*:\s*\{/);
  });

  it('its files, and those of the machine, are not there', async () => {
    expect((await run<string>('victim', `return require('fs').readFileSync('private.txt', 'utf8')`)).value).toBe(
      SECRET,
    );
    for (const path of [
      'private.txt',
      '../victim/private.txt',
      '/etc/passwd',
      '/proc/self/environ',
      `${platform.dataDir}/secret-key`,
    ]) {
      const { error } = await run('spy', `return require('fs').readFileSync(${JSON.stringify(path)}, 'utf8')`);
      expect(error, path).toMatch(/ENOENT|no such file|not permitted|EACCES/i);
    }
    await run('victim', `require('fs').writeFileSync('/tmp/note', '${SECRET}')`);
    expect((await run('spy', `return require('fs').readFileSync('/tmp/note', 'utf8')`)).error).toMatch(
      /ENOENT|no such/i,
    );
  });

  it('its memory is not there: globals, prototypes, caches', async () => {
    await run(
      'victim',
      `globalThis.left = '${SECRET}'; Object.prototype.left = '${SECRET}'; Array.prototype.map = () => ['${SECRET}'];
       process.left = '${SECRET}'; require('fs').left = '${SECRET}';
       await (await caches?.default)?.put('http://cache.example/', new Response('${SECRET}', { headers: { 'cache-control': 'max-age=60' } }));`,
    );
    const { value } = await run<string>(
      'spy',
      `const cached = await caches?.default?.match('http://cache.example/').catch(() => undefined);
       return JSON.stringify([globalThis.left, {}.left, [1].map((n) => n), process.left, require('fs').left, await cached?.text()]);`,
    );
    expect(value).toBe('[null,null,[1],null,null,null]');
  });

  it('its log has only what it wrote', async () => {
    await run('victim', `console.log('${SECRET}')`);
    await run('spy', `console.log('of the spy')`);
    await expect.poll(() => platform.log('victim')).toContain(SECRET);
    await expect.poll(() => platform.log('spy')).toContain('of the spy');
    expect(await platform.log('spy')).not.toContain(SECRET);
    expect(await platform.log('victim')).not.toContain('of the spy');
  });

  it('its requests are its own: headers of ours from outside reach nobody', async () => {
    const { body } = await platform.api<{ id: string }>('GET', '/apps/victim');
    const { text } = await platform.app('spy', '/', {
      method: 'POST',
      body: 'return req.headers',
      headers: {
        'x-islet-forward': 'guess',
        'x-islet-url': `http://victim.localhost:${platform.port}/`,
        'x-islet-dyno': `${body.id}/web.1`,
      },
    });
    expect(JSON.parse(text).value.host).toBe(`spy.localhost:${platform.port}`);
  });
});

describe('of this machine and its networks', () => {
  it('no address can be reached, however it is written', async () => {
    const lan = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
      .map(({ address }) => address);
    const traps = (await Promise.all(['127.0.0.1', '::1', ...lan].map(trap))).filter((each) => each !== undefined);
    const [{ port } = { port: 0 }] = traps;
    const hosts = [
      ...['localhost', 'spy.localhost', '127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0'],
      ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '169.254.169.254', 'metadata.google.internal'],
      ...[
        '10.0.0.1',
        '172.16.0.1',
        '192.168.0.1',
        '[fd00::1]',
        '[fe80::1]',
        '[64:ff9b::7f00:1]',
        '[2002:7f00:1::]',
        ...lan,
      ],
      // Names that the machine's resolver knows, as it would know a public name that was bound anew to a private address.
      ...[hostname(), 'ip6-localhost'],
    ];
    const ports = [port, ...traps.map((each) => each.port)];
    const { value = [] } = await run<string[]>(
      'spy',
      `const reached = [];
       const late = () => new Promise((resolve) => setTimeout(resolve, 5_000, 'late'));
       const tries = ${JSON.stringify(hosts)}.flatMap((host) => ${JSON.stringify([...new Set(ports)])}.map(async (port) => {
         const answer = await Promise.race([fetch('http://' + host + ':' + port + '/').then((r) => r.text(), () => 'refused'), late()]);
         if (/secret/.test(answer)) reached.push('fetch ' + host);
         const said = await Promise.race([new Promise((resolve) => {
           const socket = require('net').connect(port, host.replace(/[\\[\\]]/g, ''));
           socket.on('data', (data) => resolve(String(data)));
           socket.on('error', () => resolve('refused'));
           socket.on('close', () => resolve('refused'));
         }), late()]);
         if (/secret/.test(said)) reached.push('net ' + host);
       }));
       await Promise.all(tries);
       return reached;`,
    );
    expect(value).toEqual([]);
    expect(traps.map((each) => each.visits())).toEqual(traps.map(() => 0));
    for (const each of traps) each.server.close();
  });

  it('no port of the platform answers', async () => {
    const ports = listeningPorts();
    expect(ports).toContain(platform.port);
    const { value } = await run(
      'spy',
      `const answered = [];
       await Promise.all(${JSON.stringify(ports)}.map((port) => Promise.race([
         fetch('http://127.0.0.1:' + port + '/health').then(() => answered.push(port), () => {}),
         new Promise((resolve) => setTimeout(resolve, 5_000)),
       ])));
       return answered;`,
    );
    expect(value).toEqual([]);
  });

  it('no process can be started', async () => {
    const { error, value } = await run('spy', `return String(require('child_process').execSync('id'))`);
    expect(value).toBeUndefined();
    expect(error).toBeTruthy();
  });
});

describe('a loud neighbour', () => {
  it.each([
    ['computes', `setInterval(() => { const end = Date.now() + 40; while (Date.now() < end); }, 60);`],
    ['allocates', `setInterval(() => { globalThis.hold = Buffer.alloc(8e6, 1); }, 10);`],
    ['floods its log', `setInterval(() => { for (let i = 0; i < 500; i++) console.log('x'.repeat(200)); }, 20);`],
    [
      'opens sockets',
      `setInterval(() => { for (let i = 0; i < 20; i++) fetch('http://198.51.100.1/').catch(() => {}); }, 50);`,
    ],
  ])('that %s does not silence the others', async (what, code) => {
    const name = `loud-${what.replaceAll(' ', '-')}`;
    await platform.api('POST', '/apps', { name });
    const { code: exit, stderr } = await repository.git('push', platform.remote(name), 'main');
    expect(exit, stderr).toBe(0);
    const slowest = async () => {
      const times: number[] = [];
      for (let i = 0; i < 20; i++) {
        const began = performance.now();
        expect((await run('spy', 'return 1')).value).toBe(1);
        times.push(performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return times.sort((a, b) => a - b)[19] ?? 0;
    };
    const before = await slowest();
    const turns = async () => (await run<number>(name, 'return globalThis.turns')).value ?? 0;
    await run(name, `setInterval(() => { globalThis.turns = (globalThis.turns ?? 0) + 1; }, 10); ${code}`);
    await expect.poll(turns, { timeout: 20_000 }).toBeGreaterThan(5);
    const soFar = await turns();
    const during = await slowest();
    expect(await turns()).toBeGreaterThan(soFar);
    console.log(`a neighbour ${what}: slowest of 20 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms meanwhile`);
    expect((await platform.api('DELETE', `/apps/${name}`)).status).toBe(200);
  });
});
