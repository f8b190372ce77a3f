/** Runners with a stand-in for the edge: how a request reaches an app, through releases, crashes and limits. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open, request, upload } from './support/request.ts';
import { Runners } from './support/runners.ts';
import { textSlug } from './support/slug.ts';

let runners: Runners;

beforeAll(async () => {
  runners = await Runners.start(2, { bootMs: 2_000, requestMs: 1_500 });
});

afterAll(() => runners?.stop());

/** An app that answers with `text`. */
const says = (text: string) => server(`(req, res) => res.end(${JSON.stringify(text)})`);

/** A server whose `request` listener is the text. */
const server = (listener: string) =>
  textSlug(`require('node:http').createServer(${listener}).listen(process.env.PORT);`);

describe('a release', () => {
  it('takes over without a failed request, and the one before finishes what it has begun', async () => {
    const slow = (text: string) =>
      server(`(req, res) => setTimeout(() => res.end('${text}'), req.url === '/slow' ? 700 : 5)`);
    await runners.announce(runners.route('busy', await slow('old')));
    const seen = new Set<string>();
    let requests = 0;
    let deploying = true;
    const client = async (runner: number) => {
      while (deploying) {
        const { status, text } = await runners.get('busy', '/', { runner });
        seen.add(`${status} ${text}`);
        requests += 1;
      }
    };
    const clients = [client(0), client(1), client(0), client(1)];
    const begun = runners.get('busy', '/slow');
    for (let version = 0; version < 5; version++) {
      expect(await runners.announce(runners.route('busy', await slow(`new ${version}`)))).toEqual([204, 204]);
      for (const runner of [0, 1]) expect((await runners.get('busy', '/', { runner })).text).toBe(`new ${version}`);
    }
    deploying = false;
    await Promise.all(clients);
    expect((await begun).text).toBe('old');
    expect(requests).toBeGreaterThan(50);
    expect([...seen].filter((answer) => !/^200 (old|new \d)$/.test(answer))).toEqual([]);
  });

  it('sends a streamed response to its end after the next has taken over', async () => {
    const stream = `(req, res) => {
      let n = 0;
      const timer = setInterval(() => (n++ < 10 ? res.write(n + ' ') : (clearInterval(timer), res.end('end'))), 100);
    }`;
    await runners.announce(runners.route('stream', await server(stream)));
    const response = await open(runners.port(), 'stream.localhost', '/');
    await runners.announce(runners.route('stream', await says('next')));
    expect((await runners.get('stream')).text).toBe('next');
    expect(Buffer.concat(await response.toArray()).toString()).toBe('1 2 3 4 5 6 7 8 9 10 end');
  });

  it('serves those who waited for one that it overtook', async () => {
    const slow = await textSlug(`await new Promise((resolve) => setTimeout(resolve, 1200));
      require('http').createServer((req, res) => res.end('slow')).listen(process.env.PORT);`);
    runners.route('overtaken', slow);
    const waiting = runners.get('overtaken');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await runners.announce(runners.route('overtaken', await says('quick')));
    expect((await waiting).text).toBe('quick');
  });

  it('never gives way to an older one', async () => {
    const old = runners.route('order', await says('old'));
    await runners.announce(runners.route('order', await says('new')));
    expect(await runners.announce(old)).toEqual([204, 204]);
    expect((await runners.get('order')).text).toBe('new');
  });

  it('is told SIGTERM when it goes', async () => {
    const slug = await textSlug(`
      process.on('SIGTERM', () => { setTimeout(() => { console.log('goodbye'); process.exit(0); }, 300); });
      require('http').createServer((req, res) => res.end()).listen(process.env.PORT);`);
    await runners.announce(runners.route('polite', slug));
    await runners.announce(runners.route('polite', await says('next')));
    await expect
      .poll(() => runners.log('polite'), { timeout: 5_000 })
      .toMatch(/web\.1: goodbye\nweb\.1: Process exited with status 0/);
  });
});

describe('where a dyno lives', () => {
  it('is one runner for all, whichever a connection reaches', async () => {
    const counter = await textSlug(`let n = 0;
      require('http').createServer((req, res) => res.end(String(++n))).listen(process.env.PORT);`);
    runners.route('one', counter);
    const numbers: number[] = [];
    for (let i = 0; i < 10; i++) numbers.push(Number((await runners.get('one', '/', { runner: i % 2 })).text));
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('streams uploads and downloads from runner to runner', async () => {
    await runners.announce(runners.route('pipe', await server('(req, res) => req.pipe(res)')));
    const body = Buffer.alloc(3_000_000, 'islet');
    for (const runner of [0, 1]) {
      const { text } = await runners.get('pipe', '/', { method: 'POST', body, runner });
      expect(text === body.toString()).toBe(true);
    }
  });

  it('is every runner in turn for a formation of several', async () => {
    const slug = await server('(req, res) => res.end(process.env.DYNO)');
    const route = runners.route('two', slug, { formation: { web: 2 } });
    await runners.announce(route);
    const dynos = await Promise.all(
      [0, 1, 0, 1].map(async (runner) => (await runners.get('two', '/', { runner })).text),
    );
    expect(new Set(dynos)).toEqual(new Set(['web.1', 'web.2']));
    expect(dynos[0]).toBe(dynos[2]);
    await runners.announce({ ...route, revision: route.revision + 0.5 });
  });
});

describe('an app that fails', () => {
  it('at its start: H10, the stack in the log, and the next release heals it', async () => {
    const slug = await textSlug("function connect() { throw new Error('no database'); }\nconnect();");
    expect(await runners.announce(runners.route('crash', slug))).toEqual([204, 204]);
    const page = await runners.get('crash');
    expect(page).toMatchObject({ status: 503, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(page.text).toContain('Application error');
    await expect.poll(() => runners.log('crash')).toContain('at=error code=H10 desc="App crashed" method=GET path="/"');
    await expect.poll(() => runners.log('crash')).toMatch(/web\.1: Error: no database\nweb\.1: +at connect/);
    expect(runners.log('crash')).toContain('web.1: State changed from starting to crashed');
    await runners.announce(runners.route('crash', await says('up')));
    expect((await runners.get('crash')).text).toBe('up');
  });

  it('to parse: H10', async () => {
    await runners.announce(runners.route('syntax', await textSlug('let = ;')));
    expect((await runners.get('syntax')).status).toBe(503);
    await expect.poll(() => runners.log('syntax')).toMatch(/web\.1: .*SyntaxError/);
  });

  it.each([
    [
      'throws in a request',
      `(req, res) => { if (req.url === '/die') throw new Error('in a request'); res.end('up'); }`,
    ],
    [
      'throws in a timer',
      `(req, res) => { if (req.url === '/die') setTimeout(() => { throw new Error('in a timer'); }, 1); else res.end('up'); }`,
    ],
    ['rejects', `async (req, res) => { if (req.url === '/die') throw new Error('in a promise'); res.end('up'); }`],
    ['exits', `(req, res) => { if (req.url === '/die') process.exit(3); res.end('up'); }`],
  ])('when it %s: H13, and it is started again', async (what, listener) => {
    const app = what.replaceAll(' ', '-');
    await runners.announce(runners.route(app, await server(listener)));
    expect((await runners.get(app, '/die')).status).toBe(503);
    await expect.poll(() => runners.log(app)).toContain('code=H13 desc="Connection closed without response"');
    await expect.poll(() => runners.log(app)).toMatch(/Process exited with status [13]\n/);
    await expect.poll(async () => (await runners.get(app)).text).toBe('up');
  });

  it('to answer in time: H12, and others are served meanwhile', async () => {
    const slug = await server(`(req, res) => { if (req.url !== '/hang') res.end('up'); }`);
    await runners.announce(runners.route('hang', slug));
    const hanging = runners.get('hang', '/hang');
    expect((await runners.get('hang')).text).toBe('up');
    expect((await hanging).status).toBe(503);
    await expect
      .poll(() => runners.log('hang'))
      .toMatch(/code=H12 desc="Request timeout" .* dyno=web\.1 .* service=15\d\dms/);
  });

  it('but a slow upload is not one', async () => {
    await runners.announce(
      runners.route('upload', await server('(req, res) => req.resume().on("end", () => res.end("all"))')),
    );
    const parts = async function* () {
      for (let i = 0; i < 5; i++) {
        yield Buffer.alloc(1000);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    };
    const response = await upload(runners.port(), 'upload.localhost', parts());
    expect(response).toMatchObject({ status: 200, text: 'all' });
  });

  it('to listen in time: R10, then H20', async () => {
    runners.route('deaf', await textSlug('setInterval(() => {}, 1000);'));
    expect((await runners.get('deaf')).status).toBe(503);
    await expect.poll(() => runners.log('deaf')).toContain('Error R10 (Boot timeout)');
    await expect.poll(() => runners.log('deaf')).toContain('code=H20 desc="App boot timeout"');
  });
});

describe('a host', () => {
  it('that many ask for at once is asked for once, though the first client leaves', async () => {
    runners.route('popular', await says('up'));
    const asked = runners.questions;
    const first = connect(runners.port(), '127.0.0.1').end('GET / HTTP/1.1\r\nHost: popular.localhost\r\n\r\n');
    await once(first, 'connect');
    const others = Array.from({ length: 20 }, () => runners.get('popular'));
    first.destroy();
    expect(new Set((await Promise.all(others)).map(({ text }) => text))).toEqual(new Set(['up']));
    expect(runners.questions - asked).toBeLessThanOrEqual(2);
  });

  it('without an app: 404', async () => {
    const page = await runners.get('nobody');
    expect(page.status).toBe(404);
    expect(page.text).toContain('No such app');
    expect((await request(runners.port(), 'example.org', '/')).status).toBe(404);
  });

  it('of an app without a release, a dyno, or in maintenance: H81, H14, H80', async () => {
    runners.route('blank', null);
    runners.route('none', await says('up'), { formation: { web: 0 } });
    runners.route('closed', await says('up'), { maintenance: true });
    expect((await runners.get('blank')).status).toBe(503);
    expect((await runners.get('none')).status).toBe(503);
    expect((await runners.get('closed')).status).toBe(503);
    await expect.poll(() => runners.log('blank')).toContain('at=info code=H81 desc="Blank app"');
    await expect.poll(() => runners.log('none')).toContain('at=error code=H14 desc="No web processes running"');
    await expect.poll(() => runners.log('closed')).toContain('at=info code=H80 desc="Maintenance mode"');
  });

  it('that an app loses is free', async () => {
    const route = runners.route('gone', await says('up'));
    await runners.announce(route);
    expect((await runners.get('gone')).text).toBe('up');
    runners.routes.delete('gone.localhost');
    await runners.announce({ ...route, hosts: [], release: null, formation: {}, revision: route.revision + 1000 });
    for (const runner of [0, 1]) expect((await runners.get('gone', '/', { runner })).status).toBe(404);
  });

  it('of the control plane reaches the edge, but for /internal', async () => {
    const body = Buffer.alloc(5_000_000);
    expect((await request(runners.port(), 'localhost', '/x.git', { method: 'POST', body })).text).toBe('control\n');
    expect(runners.control).toContainEqual({ method: 'POST', url: '/x.git', bytes: body.length });
    for (const path of ['/internal/logs', '//internal/logs', '/%69nternal/logs', '/x/../internal/logs', '/internal']) {
      expect((await request(runners.port(), 'api.localhost', path)).status).toBe(404);
    }
  });
});

describe('a request', () => {
  it('carries what Heroku adds, and is logged', async () => {
    const slug = await server(
      '(req, res) => res.end(JSON.stringify({ ...req.headers, from: req.socket.remoteAddress }))',
    );
    await runners.announce(runners.route('echo', slug));
    const given = {
      'x-request-id': 'a-request-id-of-the-client',
      'x-forwarded-for': '10.0.0.1',
      connection: 'x-drop',
      'x-drop': '1',
    };
    for (const runner of [0, 1]) {
      const seen = JSON.parse((await runners.get('echo', '/path?a=%22b%22', { headers: given, runner })).text);
      expect(seen).toMatchObject({
        host: `echo.localhost:${runners.port(runner)}`,
        'x-request-id': given['x-request-id'],
        'x-forwarded-for': '10.0.0.1, 127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-port': String(runners.port(runner)),
        'x-request-start': expect.stringMatching(/^\d{13}$/),
        via: '1.1 islet',
        from: '127.0.0.1',
      });
      expect(Object.keys(seen).filter((name) => /x-drop|x-islet|^connection$/.test(name))).toEqual([]);
    }
    const made = JSON.parse((await runners.get('echo', '/', { headers: { 'x-request-id': 'short' } })).text);
    expect(made['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    await expect
      .poll(() => runners.log('echo'))
      .toMatch(
        /router: at=info method=GET path="\/path\?a=%22b%22" host=echo\.localhost request_id=a-request-id-of-the-client fwd="10\.0\.0\.1, 127\.0\.0\.1" dyno=web\.1 connect=0ms service=\d+ms status=200 bytes=\d+ protocol=http/,
      );
  });
});

describe('the private socket', () => {
  it('takes orders with the secret only', async () => {
    const port = runners.privatePort();
    expect((await request(port, '127.0.0.1', '/ping')).status).toBe(200);
    expect((await request(port, '127.0.0.1', '/routes', { method: 'PUT', body: '{}' })).status).toBe(404);
    const route = runners.route('private', await says('up'));
    const forwarded = {
      'x-islet-forward': 'wrong',
      'x-islet-url': 'http://private.localhost/',
      'x-islet-dyno': `${route.app.id}/web.1`,
    };
    expect((await request(port, '127.0.0.1', '/', { headers: forwarded })).status).toBe(404);
    expect((await request(port, '127.0.0.1', '/other')).status).toBe(404);
  });
});

describe('an app that does not keep up', () => {
  it('has a thousand requests waiting, and H11 for what comes then; others are served', async () => {
    await runners.announce(
      runners.route('stuck', await server(`(req, res) => { if (req.url !== '/wait') res.end(); }`)),
    );
    await runners.announce(runners.route('free', await says('up')));
    const waiting = Array.from({ length: 2_000 }, () => runners.get('stuck', '/wait').catch(() => undefined));
    const codes = async () => runners.log('stuck').match(/code=H11 desc="Backlog too deep"/g)?.length ?? 0;
    await expect.poll(codes, { timeout: 30_000 }).toBeGreaterThan(0);
    expect((await runners.get('free')).text).toBe('up');
    await Promise.all(waiting);
    await expect.poll(async () => (await runners.get('stuck')).status, { timeout: 20_000 }).toBe(200);
  });
});
