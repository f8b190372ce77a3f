import { expect, it } from 'vitest';
import type { AssetsConfig } from '../../../../schema/assets.ts';
import { Assets } from './assets.ts';

const config: AssetsConfig = {
  directory: '',
  htmlHandling: 'auto-trailing-slash',
  notFoundHandling: '404-page',
  runWorkerFirst: false,
};

function assets(files: Record<string, string>, changes: Partial<AssetsConfig> = {}): Assets {
  const encoder = new TextEncoder();
  const bytes = new Map(Object.entries(files).map(([path, text]) => [path, encoder.encode(text)]));
  return new Assets(bytes, { ...config, ...changes }, (problem) => {
    throw new Error(problem);
  });
}

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Request(`http://site.example${path}`, { method, headers });

it('serves a file with its type, its length and an etag that a client may come back with', async () => {
  const site = assets({ '/style.css': 'a {}' });
  const response = await site.fetch(get('/style.css'));
  expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8');
  expect(response.headers.get('content-length')).toBe('4');
  expect(await response.text()).toBe('a {}');
  const etag = response.headers.get('etag') ?? '';
  expect((await site.fetch(get('/style.css', { 'if-none-match': `W/${etag}, "x"` }))).status).toBe(304);
  expect((await site.fetch(get('/style.css', { 'if-none-match': '"x"' }))).status).toBe(200);
});

it('answers HEAD without a body, and no other method', async () => {
  const site = assets({ '/a.txt': 'hello' });
  const head = await site.fetch(get('/a.txt', {}, 'HEAD'));
  expect([head.headers.get('content-length'), await head.text()]).toEqual(['5', '']);
  const post = await site.fetch(get('/a.txt', {}, 'POST'));
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

it.each([
  ['bytes=0-1', 206, 'he', 'bytes 0-1/5'],
  ['bytes=3-', 206, 'lo', 'bytes 3-4/5'],
  ['bytes=-2', 206, 'lo', 'bytes 3-4/5'],
  ['bytes=2-99', 206, 'llo', 'bytes 2-4/5'],
  ['bytes=5-', 416, '', 'bytes */5'],
  ['bytes=-0', 416, '', 'bytes */5'],
  ['bytes=3-1', 200, 'hello', null],
  ['bytes=0-0,2-3', 200, 'hello', null],
  ['lines=1-2', 200, 'hello', null],
])('a range: %s', async (range, status, text, contentRange) => {
  const response = await assets({ '/a.txt': 'hello' }).fetch(get('/a.txt', { range }));
  expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual([
    status,
    text,
    contentRange,
  ]);
});

it('sends the whole to a client whose range is of another version', async () => {
  const response = await assets({ '/a.txt': 'hello' }).fetch(
    get('/a.txt', { range: 'bytes=0-1', 'if-range': '"old"' }),
  );
  expect(response.status).toBe(200);
});

it('compresses what gains by it, for a client that takes it', async () => {
  const text = 'hello '.repeat(1_000);
  const site = assets({ '/a.txt': text, '/small.txt': 'hello', '/a.png': text });
  const gzip = { 'accept-encoding': 'br, gzip' };
  const response = await site.fetch(get('/a.txt', gzip));
  expect(response.headers.get('content-encoding')).toBe('gzip');
  const length = Number(response.headers.get('content-length'));
  expect(length).toBeLessThan(200);
  expect((await response.arrayBuffer()).byteLength).toBe(length);
  for (const path of ['/small.txt', '/a.png']) {
    expect((await site.fetch(get(path, gzip))).headers.has('content-encoding')).toBe(false);
  }
  expect((await site.fetch(get('/a.txt', { 'accept-encoding': 'gzip;q=0' }))).headers.has('content-encoding')).toBe(
    false,
  );
});

it('shows the nearest page for what is not there', async () => {
  const site = assets({ '/404.html': 'nothing', '/blog/404.html': 'no post' });
  for (const [path, text] of [
    ['/x/y', 'nothing'],
    ['/blog/2020/x', 'no post'],
  ] as const) {
    const response = await site.fetch(get(path));
    expect([response.status, await response.text()]).toEqual([404, text]);
  }
});

it('shows a single-page app for what is no file', async () => {
  const site = assets({ '/index.html': 'app' }, { notFoundHandling: 'single-page-application' });
  const response = await site.fetch(get('/deep/link'));
  expect([response.status, await response.text()]).toEqual([200, 'app']);
});

it('keeps its rules to itself, and follows them', async () => {
  const site = assets({ '/_redirects': '/a /b', '/_headers': '/b\n  X-Test: 1', '/b.html': 'b' });
  expect((await site.fetch(get('/_redirects'))).status).toBe(404);
  const moved = await site.fetch(get('/a?q=1'));
  expect([moved.status, moved.headers.get('location')]).toEqual([302, '/b?q=1']);
  expect((await site.fetch(get('/b'))).headers.get('x-test')).toBe('1');
});

it.each(['//evil.example/', '///evil.example', '/%2Fevil.example/', '/\\evil.example/'])(
  'leads nobody to another host: %s',
  async (path) => {
    const site = assets({ '/evil.example/index.html': 'here', '/index.html': '' });
    const location = (await site.fetch(new Request(`http://site.example${path}`))).headers.get('location');
    expect(new URL(location ?? '/', 'http://site.example/').host).toBe('site.example');
  },
);

it('finds nothing for a path that cannot be decoded', async () => {
  expect((await assets({ '/index.html': '' }).fetch(get('/%E0%A4%A'))).status).toBe(404);
});
