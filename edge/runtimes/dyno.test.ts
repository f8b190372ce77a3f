import { env } from 'cloudflare:workers';
import { packTar } from 'modern-tar';
import { expect, it } from 'vitest';
import type { Route } from '../../schema/route.ts';
import type { SlugManifest } from '../../schema/slug.ts';
import { slugKey } from '../platform/slugs.ts';
import { dynoKey } from './dyno-name.ts';
import { failureCode } from './failure.ts';

/** Stores the slug of an app that is one file. */
async function store(source: string): Promise<string> {
  const manifest: SlugManifest = {
    version: 1,
    runtime: 'node',
    language: 'Node.js',
    env: {},
    processTypes: { web: { command: 'node server.js', entry: 'web.cjs' } },
    modules: { 'web.cjs': { type: 'cjs' } },
  };
  const code = `module.exports = async function (require, module, exports) {\n${source}\n};\nmodule.exports.argv = ['/tmp/app/server.js'];`;
  const entries = { 'manifest.json': JSON.stringify(manifest), 'code/web.cjs': code };
  const archive = await packTar(
    Object.entries(entries).map(([name, body]) => ({ header: { name, size: body.length }, body })),
  );
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', archive)).toHex();
  await env.BUCKET.put(slugKey(hash), archive);
  return hash;
}

async function route(source: string, revision: number, app = crypto.randomUUID()): Promise<Route> {
  return {
    app: { id: app, name: 'a' },
    revision,
    hosts: ['a.localhost'],
    maintenance: false,
    release: {
      id: crypto.randomUUID(),
      version: revision,
      slug: await store(source),
      commit: null,
      createdAt: new Date().toISOString(),
      config: { GREETING: 'hello' },
    },
    formation: { web: 1 },
  };
}

const dyno = (app: string) => env.DYNO.get(env.DYNO.idFromName(dynoKey({ app, dyno: 'web.1' })));

const says = (text: string) =>
  `require('http').createServer((req, res) => res.end(${JSON.stringify(text)} + process.env.GREETING)).listen(5000);`;

it('runs a release in the edge itself, and then the next', async () => {
  const first = await route(says('first '), 1);
  const process = dyno(first.app.id);
  await process.run(first);
  expect(await (await process.fetch('http://a.localhost/')).text()).toBe('first hello');
  await process.run(await route(says('second '), 2, first.app.id));
  expect(await (await process.fetch('http://a.localhost/')).text()).toBe('second hello');
  await process.run(first);
  expect(await (await process.fetch('http://a.localhost/')).text()).toBe('second hello');
  await process.stop();
});

it('answers with the reason when the app does not start', async () => {
  const broken = await route(`throw new Error('broken');`, 1);
  const process = dyno(broken.app.id);
  await process.run(broken);
  expect(failureCode(await process.fetch('http://a.localhost/'))).toBe('H10');
  await process.stop();
});

it('has nothing to run for a host that no app answers to', async () => {
  const response = await dyno(crypto.randomUUID()).fetch('http://nobody.example/');
  expect(failureCode(response)).toBe('H14');
});

it('has what an app makes of text, where text cannot be evaluated: by another start', async () => {
  const source = `
    const greet = new Function('name', 'return "hello " + name');
    const AsyncFunction = (async () => {}).constructor;
    let starts = 0;
    require('http').createServer(async (req, res) => {
      const { pathname, searchParams } = new URL(req.url, 'http://a');
      const add = Function('a, b', 'with ({ c: 1 }) return a + b + c');
      const late = await new AsyncFunction('return await ' + (searchParams.get('value') ?? 1))();
      let wrong;
      try { new Function('a', '} {'); } catch (error) { wrong = error.name; }
      res.end([greet('you'), add(1, 2), late, wrong, add !== Function('a, b', 'with ({ c: 1 }) return a + b + c')].join(' '));
    }).listen(5000);
  `;
  const made = await route(source, 1);
  const process = dyno(made.app.id);
  await process.run(made);
  const ask = async (path: string, method = 'GET') =>
    (await process.fetch(`http://a.localhost${path}`, { method })).text();
  expect(await ask('/')).toBe('hello you 4 1 SyntaxError true');
  expect(await ask('/?value=7')).toBe('hello you 4 7 SyntaxError true');
  await process.stop();
  const again = dyno(made.app.id);
  await again.run(made);
  expect(await ask('/?value=7', 'POST')).toBe('hello you 4 7 SyntaxError true');
  await again.stop();
});
