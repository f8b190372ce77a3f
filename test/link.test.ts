/** What goes over the link between a Dyno and its instance, many requests in one message; see edge/runtimes/link. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Runners } from './support/runners.ts';
import { textSlug } from './support/slug.ts';

let runners: Runners;

beforeAll(async () => {
  runners = await Runners.start(1);
});
afterAll(() => runners?.stop());

async function deploy(name: string, source: string): Promise<void> {
  await runners.announce(runners.route(name, await textSlug(source)));
}

it('lets other apps have the thread between requests that came together', async () => {
  await deploy(
    'busy',
    `require('http').createServer((req, res) => {
      for (const end = Date.now() + 40; Date.now() < end; );
      res.end('done');
    }).listen(process.env.PORT);`,
  );
  await deploy('quick', `require('http').createServer((req, res) => res.end('quick')).listen(process.env.PORT);`);
  await runners.get('quick');
  let done = 0;
  const busy = Array.from({ length: 40 }, async () => {
    const { text } = await runners.get('busy');
    done += 1;
    return text;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await runners.get('quick')).text).toBe('quick');
  expect(done).toBeLessThan(30);
  expect(new Set(await Promise.all(busy))).toEqual(new Set(['done']));
});

it('gives each client its own of many answers, in whatever order they come', async () => {
  await deploy(
    'mixed',
    `require('http').createServer((req, res) => {
      const [, kind, number] = req.url.split('/');
      const body = number + ':' + 'x'.repeat(Number(number));
      if (kind === 'late') setTimeout(() => res.end(body), 100 - Number(number));
      else if (kind === 'streamed') { res.write(number + ':'); setImmediate(() => res.end('x'.repeat(Number(number)))); }
      else if (kind === 'bytes') res.end(Buffer.from(body));
      else if (kind === 'cookies') { res.setHeader('Set-Cookie', ['a=' + number, 'b=2']); res.end(body); }
      else if (kind === 'none') { res.statusCode = 204; res.end(); }
      else res.end(body);
    }).listen(process.env.PORT);`,
  );
  const kinds = ['now', 'late', 'streamed', 'bytes', 'cookies', 'none'];
  const paths = Array.from({ length: 96 }, (_, i) => ({ kind: kinds[i % kinds.length] ?? '', number: i }));
  await Promise.all(
    paths.map(async ({ kind, number }) => {
      const { status, text, headers } = await runners.get('mixed', `/${kind}/${number}`);
      expect(status).toBe(kind === 'none' ? 204 : 200);
      expect(text).toBe(kind === 'none' ? '' : `${number}:${'x'.repeat(number)}`);
      if (kind === 'cookies') expect(headers['set-cookie']).toEqual([`a=${number}`, 'b=2']);
    }),
  );
});

it('answers H13 when the app has closed its server', async () => {
  await deploy(
    'closing',
    `const server = require('http').createServer((req, res) => { res.end('last'); server.close(); }).listen(process.env.PORT);`,
  );
  expect((await runners.get('closing')).text).toBe('last');
  expect((await runners.get('closing')).status).toBe(503);
  await expect.poll(() => runners.log('closing')).toContain('code=H13');
});
