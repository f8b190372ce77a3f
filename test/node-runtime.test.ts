/** What an app finds in an instance of the node runtime, in a runner with a stand-in for the edge. */
import { once } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open } from './support/request.ts';
import { Runners } from './support/runners.ts';
import { textSlug } from './support/slug.ts';

let runners: Runners;

beforeAll(async () => {
  runners = await Runners.start(1);
});

afterAll(() => runners?.stop());

/** A server whose `request` listener is the text. */
const server = (listener: string) =>
  textSlug(`require('node:http').createServer(${listener}).listen(process.env.PORT);`);

describe('a process', () => {
  it('lives from request to request: timers, promises, what it did at its start', async () => {
    const slug = await textSlug(`
      const id = crypto.randomUUID();
      const ready = await new Promise((resolve) => setTimeout(resolve, 20, 'ready'));
      let ticks = 0, shared;
      setInterval(() => ticks++, 20);
      require('node:http').createServer(async (req, res) => {
        if (req.url === '/shared') {
          shared ??= new Promise((resolve) => setTimeout(() => resolve(Math.random()), 200));
          return res.end(String(await shared));
        }
        res.end(JSON.stringify({ id, ready, ticks, template: new Function('return 6 * 7')() }));
      }).listen(process.env.PORT, '0.0.0.0');`);
    await runners.announce(runners.route('alive', slug));
    const first = JSON.parse((await runners.get('alive')).text);
    expect(first).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), ready: 'ready', template: 42 });
    const [a, b] = await Promise.all([runners.get('alive', '/shared'), runners.get('alive', '/shared')]);
    expect(a.text).toBe(b.text);
    const later = JSON.parse((await runners.get('alive')).text);
    expect(later.id).toBe(first.id);
    expect(later.ticks - first.ticks).toBeGreaterThanOrEqual(5);
  });

  it('compiles WebAssembly while it starts and nothing else happens', async () => {
    // (module (func (export "f") (result i32) i32.const 42))
    const bytes = '0061736d010000000105016000017f03020100070501016600000a06010400412a0b';
    const slug = await textSlug(`
      const bytes = Buffer.from('${bytes}', 'hex');
      const compiled = await WebAssembly.compile(bytes);
      const { f } = (await WebAssembly.instantiate(compiled)).exports;
      const { instance } = await WebAssembly.instantiate(bytes, {});
      const broken = await WebAssembly.compile(bytes.subarray(0, 20)).catch((error) => error.name);
      require('node:http').createServer((req, res) => res.end([f(), instance.exports.f(), broken].join())).listen(5000);`);
    const starts = Array.from({ length: 5 }, (_, at) => `wasm-${at}`);
    await Promise.all(starts.map((name) => runners.announce(runners.route(name, slug))));
    for (const name of starts) expect((await runners.get(name)).text).toBe('42,42,CompileError');
  });

  it('has the environment, arguments, directory and files of `node server.js`', async () => {
    const files = { 'a b/ü #1?.txt': 'odd', 'lib/data.json': '{"n":1}', 'lib/index.js': 'module.exports = __dirname;' };
    const slug = await textSlug(
      `const fs = require('fs');
      fs.writeFileSync('written.txt', 'here');
      fs.createReadStream('written.txt', { highWaterMark: null, encoding: null }).on('data', (bytes) => { seen.streamed = String(bytes) });
      const { env, argv, version } = process;
      const seen = {
        env: { PORT: env.PORT, DYNO: env.DYNO, NODE_ENV: env.NODE_ENV, GREETING: env.GREETING },
        argv: argv.slice(1), cwd: process.cwd(), main: require.main === module,
        names: fs.readdirSync('.').sort(), odd: fs.readdirSync('a b'), text: fs.readFileSync('a b/ü #1?.txt', 'utf8'),
        written: fs.readFileSync('/tmp/app/written.txt', 'utf8'),
        tree: fs.readdirSync('lib/..', { recursive: true, withFileTypes: true }).map(({ name, parentPath }) => parentPath + ':' + name).sort(),
        paths: fs.readdirSync('.', { recursive: true }).sort(),
        json: require('./lib/data.json').n, lib: require('./' + 'lib'),
        resolved: require('path').resolve('lib', 'x'), relative: require('node:path').relative('lib', '/tmp/app/y'),
      };
      require('http').createServer((req, res) => res.end(JSON.stringify(seen))).listen(env.PORT);`,
      files,
    );
    const route = runners.route('surroundings', slug);
    if (route.release) route.release.config = { GREETING: 'hello', NODE_ENV: 'staging' };
    expect(JSON.parse((await runners.get('surroundings')).text)).toEqual({
      env: { PORT: '5000', DYNO: 'web.1', NODE_ENV: 'staging', GREETING: 'hello' },
      argv: ['/tmp/app/server.js'],
      cwd: '/tmp/app',
      main: true,
      names: ['a b', 'lib', 'server.js', 'written.txt'],
      odd: ['ü #1?.txt'],
      tree: [
        '/tmp/app/a b:ü #1?.txt',
        '/tmp/app/lib:data.json',
        '/tmp/app/lib:index.js',
        '/tmp/app:a b',
        '/tmp/app:lib',
        '/tmp/app:server.js',
        '/tmp/app:written.txt',
      ],
      paths: ['a b', 'a b/ü #1?.txt', 'lib', 'lib/data.json', 'lib/index.js', 'server.js', 'written.txt'],
      text: 'odd',
      written: 'here',
      streamed: 'here',
      json: 1,
      lib: '/tmp/app/lib',
      resolved: '/tmp/app/lib/x',
      relative: '../y',
    });
  });

  it('has its output in the log, whichever way it writes', async () => {
    const slug = await textSlug(`
      console.log('log %s', { a: 1 });
      console.error(new Error('shown'));
      process.stdout.write('half ');
      process.stdout.write('and half\\n');
      require('fs').writeSync(1, 'descriptor\\n');
      console.log('x'.repeat(25000));
      require('http').createServer((req, res) => res.end()).listen(process.env.PORT);`);
    await runners.announce(runners.route('prints', slug));
    await expect.poll(() => runners.log('prints')).toContain('State changed from starting to up');
    const log = runners.log('prints').split('\n');
    expect(log).toContain('web.1: Starting process with command `node server.js`');
    expect(log).toContain('web.1: log { a: 1 }');
    expect(log).toContain('web.1: Error: shown');
    expect(log).toContain('web.1: half and half');
    expect(log).toContain('web.1: descriptor');
    expect(log.filter((line) => line.startsWith('web.1: xxx')).map((line) => line.length - 7)).toEqual([
      10_000, 10_000, 5_000,
    ]);
    expect(runners.output).not.toContain('half');
  });

  it('is Node.js to packages that look', async () => {
    const slug = await textSlug(`
      const { promisify, debuglog } = require('util');
      debuglog('app')('not asked for');
      require('http').createServer(async (req, res) => {
        await promisify(setTimeout)(1);
        const cluster = require('cluster');
        const { address } = await require('dns/promises').lookup('localhost');
        res.end(JSON.stringify({
          agent: navigator.userAgent, primary: cluster.isPrimary, worker: cluster.worker.id, address,
          socket: req.socket.writable, httpVersion: req.httpVersion, instance: req instanceof require('http').IncomingMessage,
        }));
      }).listen(process.env.PORT);`);
    await runners.announce(runners.route('looks', slug));
    expect(JSON.parse((await runners.get('looks')).text)).toEqual({
      agent: expect.stringMatching(/^Node\.js\/\d+$/),
      primary: false,
      worker: 1,
      address: '127.0.0.1',
      socket: true,
      httpVersion: '1.1',
      instance: true,
    });
    expect(runners.log('looks')).not.toContain('not asked for');
  });

  it('goes on after an error that it has a listener for', async () => {
    const slug = await textSlug(`
      process.on('uncaughtException', (error, origin) => console.log(origin, error.message));
      require('http').createServer((req, res) => {
        if (req.url === '/throw') setTimeout(() => { throw new Error('listened for'); }, 1);
        if (req.url === '/reject') Promise.reject(new Error('rejected'));
        res.end(String(process.uptime() >= 0));
      }).listen(process.env.PORT);`);
    await runners.announce(runners.route('careful', slug));
    for (const path of ['/throw', '/reject', '/']) expect((await runners.get('careful', path)).text).toBe('true');
    await expect.poll(() => runners.log('careful')).toContain('web.1: uncaughtException listened for');
    await expect.poll(() => runners.log('careful')).toContain('web.1: unhandledRejection rejected');
    expect(runners.log('careful')).not.toContain('Process exited');
  });

  it('serves by the server that listens on PORT, or else by the first', async () => {
    const slug = await textSlug(`
      const http = require('http');
      const say = (text) => http.Server((req, res) => res.end(text));
      say('metrics').listen(9100, '127.0.0.1', () => {
        const taken = say('twice').on('error', (error) => console.log(error.code)).listen(9100, '127.0.0.1');
        setTimeout(() => say('main').listen(process.env.PORT), 300);
      });`);
    await runners.announce(runners.route('servers', slug));
    expect((await runners.get('servers')).text).toBe('metrics');
    await expect.poll(async () => (await runners.get('servers')).text).toBe('main');
    expect(runners.log('servers')).toContain('web.1: EADDRINUSE');
  });

  it('reaches its own server at localhost', async () => {
    const slug = await textSlug(`
      const http = require('http');
      const { PORT } = process.env;
      http.createServer(async (req, res) => {
        if (req.url === '/inner') return req.pipe(res);
        const post = { method: 'POST', body: 'by fetch' };
        const fetched = await (await fetch('http://localhost:' + PORT + '/inner', post)).text();
        const outgoing = http.request({ port: PORT, path: '/inner', method: 'POST' }, async (answer) => {
          let text = '';
          for await (const chunk of answer) text += chunk;
          res.end(fetched + ', ' + text);
        });
        outgoing.on('error', (error) => res.end(fetched + ', ' + error.message));
        outgoing.end('by request');
      }).listen(PORT);`);
    await runners.announce(runners.route('itself', slug));
    expect((await runners.get('itself')).text).toBe('by fetch, by request');
  });

  it('streams a large upload and a large download in bounded memory', async () => {
    const slug = await server(`(req, res) => {
      let read = 0;
      if (req.method === 'POST') {
        req.on('data', (chunk) => (read += chunk.length));
        req.on('end', () => res.end(String(read)));
        return;
      }
      let sent = 0;
      const more = () => {
        while (sent++ < 4096) if (!res.write(Buffer.alloc(65536, 97))) return res.once('drain', more);
        res.end();
      };
      more();
    }`);
    await runners.announce(runners.route('large', slug));
    const size = 256 * 1024 * 1024;
    const upload = await runners.get('large', '/', { method: 'POST', body: Buffer.alloc(size / 4) });
    expect(upload.text).toBe(String(size / 4));

    const before = await runners.memory(0);
    const download = await open(runners.port(), 'large.localhost', '/');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect((await runners.memory(0)) - before).toBeLessThan(size / 4);
    let received = 0;
    for await (const chunk of download) received += chunk.length;
    expect(received).toBe(size);
  });

  it('learns that a client has gone', async () => {
    const slug = await server(`(req, res) => {
      if (req.url === '/gone') return res.end(String(globalThis.gone));
      res.on('close', () => { globalThis.gone = res.writableFinished; clearInterval(timer); });
      const timer = setInterval(() => res.write('tick'), 50);
    }`);
    await runners.announce(runners.route('leaving', slug));
    const response = await open(runners.port(), 'leaving.localhost', '/');
    await once(response, 'data');
    response.destroy();
    await expect.poll(async () => (await runners.get('leaving', '/gone')).text).toBe('false');
  });

  it('sends what is compressed as it is, and every cookie', async () => {
    const slug = await server(`(req, res) => {
      res.setHeader('set-cookie', ['a=1', 'b=2']);
      res.setHeader('content-encoding', 'gzip');
      res.end(require('zlib').gzipSync('plain'));
    }`);
    await runners.announce(runners.route('gzip', slug));
    const response = await open(runners.port(), 'gzip.localhost', '/', { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'content-encoding': 'gzip' });
    expect(gunzipSync(Buffer.concat(await response.toArray())).toString()).toBe('plain');
  });

  it('reaches the internet only: no loopback', async () => {
    const slug = await server(`async (req, res) => {
      const tries = ['http://127.0.0.1:' + req.url.slice(1) + '/ping', 'http://localhost:' + req.url.slice(1) + '/ping'];
      const answers = await Promise.all(tries.map((url) => fetch(url).then((r) => r.text(), () => 'refused')));
      const socket = require('net').connect(Number(req.url.slice(1)), '127.0.0.1');
      socket.on('error', () => res.end(answers.join(' ') + ' refused'));
      socket.on('connect', () => res.end('connected'));
    }`);
    await runners.announce(runners.route('inside', slug));
    expect((await runners.get('inside', `/${runners.privatePort()}`)).text).toBe('refused refused refused');
  });
});
