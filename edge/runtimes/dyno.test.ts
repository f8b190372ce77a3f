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
