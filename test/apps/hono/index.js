import { readFile } from 'node:fs/promises';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
const links = new Map();

app.get('/', async (c) => c.html(await readFile(new URL('./index.html', import.meta.url), 'utf8')));

app.post('/links', async (c) => {
  const { url } = await c.req.json();
  const code = links.size.toString(36);
  links.set(code, url);
  return c.json({ code }, 201);
});

app.get('/:code', (c) => {
  const url = links.get(c.req.param('code'));
  return url ? c.redirect(url) : c.notFound();
});

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, (info) => {
  console.log(`Listening on ${info.port}`);
});
