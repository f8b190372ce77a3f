/** What the router does for and to requests, in runners with a stand-in for the edge. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { open } from './support/request.ts';
import { Runners } from './support/runners.ts';
import { textSlug } from './support/slug.ts';

let runners: Runners;

beforeAll(async () => {
  runners = await Runners.start(1, { requestMs: 1_500, streamMs: 700 });
});
afterAll(() => runners?.stop());

const logOf = () => runners.logs.map(({ text }) => text).join('\n');

it('ends a response in which nothing moves, and says so', async () => {
  const slug = await textSlug(`
    require('http').createServer((req, res) => {
      res.write('begun');
      if (req.url === '/alive') {
        let left = 6;
        const timer = setInterval(() => {
          res.write('.');
          if (--left === 0) { clearInterval(timer); res.end('done'); }
        }, 300);
      }
    }).listen(process.env.PORT);`);
  await runners.announce(runners.route('quiet', slug));
  expect((await runners.get('quiet', '/alive')).text).toBe('begun......done');
  const response = await open(runners.port(), 'quiet.localhost', '/');
  const error = await new Promise((resolve) => {
    response.on('data', () => {});
    response.on('error', resolve);
    response.on('end', () => resolve(undefined));
  });
  expect(error).toBeInstanceOf(Error);
  await expect
    .poll(logOf, { timeout: 10_000 })
    .toContain('at=error code=H15 desc="Idle connection" method=GET path="/"');
});

it('answers H12 when the first byte takes too long', async () => {
  const slug = await textSlug(`require('http').createServer(() => {}).listen(process.env.PORT);`);
  await runners.announce(runners.route('silent', slug));
  expect((await runners.get('silent')).status).toBe(503);
  await expect.poll(logOf, { timeout: 10_000 }).toContain('at=error code=H12 desc="Request timeout"');
});

it('shows the pages that an app names for errors and for maintenance', async () => {
  const slug = await textSlug(`throw new Error('broken');`);
  const route = runners.route('pages', slug);
  if (route.release) {
    route.release.config = {
      ERROR_PAGE_URL: 'https://static.example/error.html?a=1&b="2"',
      MAINTENANCE_PAGE_URL: 'https://static.example/maintenance.html',
    };
  }
  await runners.announce(route);
  const broken = await runners.get('pages');
  expect(broken.status).toBe(503);
  expect(broken.text).toContain('<iframe src="https://static.example/error.html?a=1&amp;b=%222%22"></iframe>');
  await runners.announce({ ...route, revision: route.revision + 1, maintenance: true });
  expect((await runners.get('pages')).text).toContain('src="https://static.example/maintenance.html"');
});

it('runs no script of a page that an app names', async () => {
  const route = runners.route('scripted', await textSlug(`throw new Error('broken');`));
  if (route.release) route.release.config = { ERROR_PAGE_URL: 'javascript:alert(1)' };
  await runners.announce(route);
  expect((await runners.get('scripted')).text).not.toContain('javascript:');
});

it('lets a client come back to its dyno, where the app has that feature', async () => {
  const slug = await textSlug(
    `require('http').createServer((req, res) => res.end(process.env.DYNO)).listen(process.env.PORT);`,
  );
  await runners.announce(runners.route('sticky', slug, { formation: { web: 8 }, affinity: true }));
  const first = await runners.get('sticky');
  const cookie = String(first.headers['set-cookie']);
  expect(cookie).toMatch(/^heroku-session-affinity=\S+; Version=1; Path=\/; HttpOnly$/);
  const headers = { cookie: `other=1; ${cookie.split(';')[0]}` };
  for (let count = 0; count < 12; count++) {
    const again = await runners.get('sticky', '/', { headers });
    expect(again.text).toBe(first.text);
    expect(again.headers['set-cookie']).toBeUndefined();
  }
  const lost = await runners.get('sticky', '/', { headers: { cookie: `heroku-session-affinity=${btoa('web.99')}` } });
  expect(lost.status).toBe(200);
  expect(lost.headers['set-cookie']).toBeDefined();
});

it('leaves clients without a cookie where the app does not have it', async () => {
  const slug = await textSlug(`require('http').createServer((req, res) => res.end('x')).listen(process.env.PORT);`);
  await runners.announce(runners.route('loose', slug, { formation: { web: 2 } }));
  expect((await runners.get('loose')).headers['set-cookie']).toBeUndefined();
});
