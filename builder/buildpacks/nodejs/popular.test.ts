/** Packages that ask more of a bundler than `require('./file')`. */
import { expect, test } from 'vitest';
import { type Files, runSlug, type Slug, serveSlug, startBuilder } from '../../testing.ts';

async function slugOf(dependencies: Record<string, string>, files: Files): Promise<Slug> {
  const { build } = await startBuilder();
  const { slug, output } = await build({ 'package.json': JSON.stringify({ dependencies }), ...files });
  if (slug === undefined) throw new Error(output);
  return slug;
}

test('a view engine that Express requires by its name (Pug)', async () => {
  const slug = await slugOf(
    { express: '5.1.0', pug: '3.0.3' },
    {
      'index.js': `
        const app = require('express')();
        app.set('view engine', 'pug').set('views', __dirname + '/views');
        app.get('/', (req, res) => res.render('index', { name: 'Pug' }));
        app.listen(process.env.PORT);`,
      'views/index.pug': 'h1= name',
    },
  );
  expect(await (await fetch(await serveSlug(slug))).text()).toBe('<h1>Pug</h1>');
});

test('a package that serves files of its own (swagger-ui-express)', async () => {
  const slug = await slugOf(
    { express: '5.1.0', 'swagger-ui-express': '5.0.1' },
    {
      'index.js': `
        const ui = require('swagger-ui-express');
        require('express')().use('/docs', ui.serve, ui.setup({ openapi: '3.0.0' })).listen(process.env.PORT);`,
    },
  );
  const url = await serveSlug(slug);
  expect((await fetch(`${url}/docs/swagger-ui.css`)).headers.get('content-type')).toContain('text/css');
});

test('a package that loads a directory of the app by import() (@fastify/autoload)', async () => {
  const slug = await slugOf(
    { fastify: '5.4.0', '@fastify/autoload': '6.3.1' },
    {
      'index.mjs': `
        import path from 'node:path';
        import autoload from '@fastify/autoload';
        import Fastify from 'fastify';
        const app = Fastify();
        app.register(autoload, { dir: path.join(import.meta.dirname, 'routes') });
        globalThis.answer = (await app.inject('/hello')).body;`,
      Procfile: 'web: node index.mjs',
      'routes/hello.mjs': 'export default async (app) => { app.get("/hello", async () => "loaded"); };',
    },
  );
  await runSlug(slug);
  expect(globalThis).toMatchObject({ answer: 'loaded' });
});
