import { expect, test } from 'vitest';
import { fixture, serveSlug, startBuilder } from './testing.ts';

test('an Express app with views, static files and a form becomes a slug that serves them', async () => {
  const { build } = await startBuilder();
  const { result, output, slug } = await build(await fixture('express'));

  expect(result).toMatchObject({
    status: 'succeeded',
    slug: { language: 'Node.js', processTypes: { web: 'node server.js' } },
  });
  expect(output).toContain('-----> Node.js app detected\n');
  if (slug === undefined) throw new Error('no slug');
  expect([...slug.entries.keys()].slice(0, 2)).toEqual(['manifest.json', 'code/web.cjs']);
  expect(slug.entries.has('files/views/index.ejs')).toBe(true);
  expect([...slug.entries.keys()].filter((path) => path.startsWith('files/node_modules/express/'))).toEqual([
    'files/node_modules/express/package.json',
  ]);

  const url = await serveSlug(slug);
  expect(await (await fetch(`${url}/`)).text()).toContain('<h1>Guestbook</h1>');
  expect((await fetch(`${url}/style.css`)).headers.get('content-type')).toContain('text/css');
  const form = new URLSearchParams({ name: 'Ada', text: 'Hello <there>' });
  expect(await (await fetch(`${url}/messages`, { method: 'POST', body: form })).text()).toContain(
    '<b>Ada</b>: Hello &lt;there&gt;',
  );
});
