import { expect, test } from 'vitest';
import { fixture, runSlug, type Slug, serveSlug, startBuilder } from './testing.ts';

function stored(slug: Slug | undefined): Slug {
  if (slug === undefined) throw new Error('The build failed');
  return slug;
}

const text = async (url: string, init?: RequestInit) => (await fetch(url, init)).text();

const postJson = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

test('an Express app with views, static files and a form becomes a slug that serves them', async () => {
  const { build } = await startBuilder();
  const { result, output, slug } = await build(await fixture('express'));

  expect(result).toMatchObject({
    status: 'succeeded',
    slug: { language: 'Node.js', processTypes: { web: 'node server.js' } },
  });
  expect(output.replace(/\d+\.\ds|\d+(\.\d+)?[KM]|\d+ (modules|packages)/g, '…')).toBe(
    [
      '-----> Building on the Islet stack',
      '-----> Using buildpack: heroku/nodejs',
      '-----> Node.js app detected',
      '       ',
      '-----> Creating runtime environment',
      '       ',
      '       NPM_CONFIG_LOGLEVEL=error',
      '       NODE_VERBOSE=false',
      '       NODE_ENV=production',
      '       NODE_MODULES_CACHE=true',
      '       ',
      '-----> Installing binaries',
      '       engines.node (package.json):   >=20',
      '       engines.npm (package.json):    unspecified (use default)',
      '       ',
      '       Using Node.js 22.23.4 as workerd implements it',
      '       ',
      '-----> Installing dependencies',
      '       Installing node modules (package-lock.json)',
      '       ',
      '       added … in …',
      '       ',
      '-----> Bundling',
      '       web: server.js, …, …',
      '       ',
      '-----> Build succeeded!',
      '-----> Discovering process types',
      '       Procfile declares types     -> web',
      '-----> Compressing...',
      '       Done: …',
      '',
    ].join('\n'),
  );

  const { entries } = stored(slug);
  expect([...entries.keys()].slice(0, 2)).toEqual(['manifest.json', 'code/web.cjs']);
  expect(entries.has('files/views/index.ejs')).toBe(true);
  const express = [...entries.keys()].filter((path) => path.startsWith('files/node_modules/express/'));
  expect(express).toEqual(['files/node_modules/express/package.json']);

  const url = await serveSlug(stored(slug));
  expect(await text(url)).toContain('<h1>Guestbook</h1>');
  expect((await fetch(`${url}/style.css`)).headers.get('content-type')).toContain('text/css');
  const body = new URLSearchParams({ name: 'Ada', text: 'Hello <there>' });
  expect(await text(`${url}/messages`, { method: 'POST', body })).toContain('<b>Ada</b>: Hello &lt;there&gt;');
});

test('the same source makes the same slug, byte for byte, with cold caches and with warm ones', async () => {
  const source = await fixture('express');
  const [first, second] = [await startBuilder(), await startBuilder()];
  const slugs = [await first.build(source), await first.build(source), await second.build(source)];
  const [bytes, ...others] = slugs.map(({ slug }) => stored(slug).bytes);
  for (const other of others) expect(bytes?.equals(other)).toBe(true);
});

test('a Koa app is started by `npm start`, `node .` and `main`', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build(await fixture('koa'));
  expect(output).toContain('       Default types for buildpack -> web\n');
  expect(slug?.manifest.processTypes).toEqual({ web: { command: 'npm start', entry: 'web.cjs' } });

  const url = await serveSlug(stored(slug));
  expect(await (await fetch(`${url}/notes`, postJson({ text: 'milk' }))).json()).toEqual({ id: 1, text: 'milk' });
  expect((await fetch(`${url}/notes/2`)).status).toBe(404);
});

test('a Fastify app in ES modules, with a top-level await', async () => {
  const { build } = await startBuilder();
  const { slug } = await build(await fixture('fastify'));
  const url = await serveSlug(stored(slug));
  expect(await (await fetch(`${url}/todos`, postJson({ title: 'write' }))).json()).toEqual({
    id: 1,
    title: 'write',
    done: false,
  });
  expect((await fetch(`${url}/todos`, postJson({ title: '' }))).status).toBe(400);
});

test('a Hono app reads a file beside its module', async () => {
  const { build } = await startBuilder();
  const { slug } = await build(await fixture('hono'));
  expect(slug?.manifest.processTypes.web?.command).toBe('node index.js');
  expect(await text(await serveSlug(stored(slug)))).toContain('<h1>Shortener</h1>');
});

test('an app without dependencies and without a lockfile', async () => {
  const { build } = await startBuilder();
  const { slug } = await build(await fixture('sse'));
  const response = await fetch(`${await serveSlug(stored(slug))}/events`);
  const reader = response.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^id: 1\ndata: /);
  await reader?.cancel();
});

test('without a lockfile npm resolves, and the log warns', async () => {
  const { build } = await startBuilder();
  const { 'package-lock.json': _, ...source } = await fixture('hono');
  const { result, output, slug } = await build(source);
  expect(result.status).toBe('succeeded');
  expect(output).toContain(' !     No lockfile: another push may get other versions of the dependencies.\n');
  expect(await text(await serveSlug(stored(slug)))).toContain('Shortener');
});

test.for(['~2.1.0', '^2.1.0', '2.x', '>=2 <3', 'latest', '*', 'npm:ms@~2.1.0'])(
  'without a lockfile: a version as package.json has it, %s',
  async (range) => {
    const { build } = await startBuilder();
    const { result } = await build({
      'package.json': JSON.stringify({ dependencies: { ms: range } }),
      'index.js': 'require("ms")',
    });
    expect(result.status).toBe('succeeded');
  },
);

test('a lockfile of npm 6 is enough', async () => {
  const { build } = await startBuilder();
  const { result } = await build({
    'package.json': '{"dependencies":{"ms":"^2.0.0"}}',
    'package-lock.json': JSON.stringify({
      lockfileVersion: 1,
      requires: true,
      dependencies: {
        ms: {
          version: '2.1.3',
          integrity: 'sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==',
        },
      },
    }),
    'index.js': 'module.exports = require("ms")',
  });
  expect(result.status).toBe('succeeded');
});

test('every process type gets its own entry, and one that cannot be run is kept as a command', async () => {
  const { build } = await startBuilder();
  const { slug, output } = await build({
    'package.json': '{}',
    Procfile:
      'web: node server.js\nworker: QUEUE=mail node worker.js --fast $QUEUE\ntick: ./tick.sh && echo done\nrelease: node migrate.js',
    'server.js': '',
    'worker.js': 'result.push(process.argv.slice(1), process.env.QUEUE, require.main === module)',
  });
  expect(slug?.manifest.processTypes).toEqual({
    web: { command: 'node server.js', entry: 'web.cjs' },
    worker: { command: 'QUEUE=mail node worker.js --fast $QUEUE', entry: 'worker.cjs' },
    tick: { command: './tick.sh && echo done' },
    // It runs once, in a machine of its own, as it is.
    release: { command: 'node migrate.js' },
  });
  expect(output).toContain('Procfile declares types     -> web, worker, tick, release');
  expect(output).toContain(' !     Process type tick: The start command "./tick.sh && echo done" cannot be run');
});

test('modules required by a value are found in the bundle, once', async () => {
  const { build } = await startBuilder();
  const { slug } = await build({
    'package.json': '{}',
    'index.js': `
      const path = require('node:path');
      const fs = require('node:fs');
      module.exports = fs.readdirSync(path.join(__dirname, 'routes')).sort()
        .map((file) => require(path.join(__dirname, 'routes', file)));
      module.exports.same = require('./routes/a') === require(path.join(__dirname, 'routes', 'a'));
      globalThis.loaded = module.exports;`,
    'routes/a.js': 'module.exports = { name: "a", file: __filename };',
    'routes/b.mjs': 'export const name = "b"; export const { dirname } = import.meta;',
    'unused/broken.js': 'this is not JavaScript',
  });
  await runSlug(stored(slug));
  const { loaded } = globalThis as unknown as {
    loaded: { name: string; file?: string; dirname?: string }[] & { same: boolean };
  };
  expect(loaded.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(loaded[0]?.file).toMatch(/\/routes\/a\.js$/);
  expect(loaded[1]?.dirname).toMatch(/\/routes$/);
  expect(loaded.same).toBe(true);
});
