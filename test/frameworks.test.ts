/** Apps of the common frameworks, bundled by the builder and run by a runner with a stand-in for the edge. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, startBuilder } from '../builder/testing.ts';
import { open } from './support/request.ts';
import { Runners } from './support/runners.ts';
import { slugOf } from './support/slug.ts';

let runners: Runners;

beforeAll(async () => {
  runners = await Runners.start(1);
});

afterAll(() => runners?.stop());

describe('frameworks, as the builder bundles them', () => {
  it('Express with EJS views, static files, forms and ranges', async () => {
    await deploy('express');
    const posted = await runners.get('express', '/messages', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'name=Ada&text=%3Cb%3E',
    });
    expect(posted).toMatchObject({ status: 302, headers: { location: '/' } });
    const page = await runners.get('express', '/');
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'x-powered-by': 'Express' });
    expect(page.text).toContain('&lt;b&gt;');

    const style = await runners.get('express', '/style.css');
    expect(style.headers['content-length']).toBe(String(style.text.length));
    expect(new Date(style.headers['last-modified'] ?? 0).getFullYear()).toBe(new Date().getFullYear());
    const etag = style.headers.etag ?? '';
    expect((await runners.get('express', '/style.css', { headers: { 'if-none-match': etag } })).status).toBe(304);
    const part = await runners.get('express', '/style.css', { headers: { range: 'bytes=0-9' } });
    expect(part).toMatchObject({ status: 206, text: style.text.slice(0, 10) });
    const head = await runners.get('express', '/style.css', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': String(style.text.length) } });
    expect((await runners.get('express', '/none')).text).toContain('Cannot GET /none');
  });

  it('Koa', async () => {
    await deploy('koa');
    const body = JSON.stringify({ text: 'remember' });
    const made = await runners.get('koa', '/notes', { method: 'POST', headers: json, body });
    expect(made).toMatchObject({ status: 201, text: '{"id":1,"text":"remember"}' });
    expect((await runners.get('koa', '/notes/1')).text).toBe(made.text);
    expect((await runners.get('koa', '/notes/2')).status).toBe(404);
  });

  it('Fastify, whose logger writes to stdout', async () => {
    await deploy('fastify');
    const body = JSON.stringify({ title: 'write' });
    const made = await runners.get('fastify', '/todos', { method: 'POST', headers: json, body });
    expect(made).toMatchObject({ status: 201, text: '{"id":1,"title":"write","done":false}' });
    expect((await runners.get('fastify', '/todos', { method: 'POST', headers: json, body: '{}' })).status).toBe(400);
    await expect.poll(() => runners.log('fastify')).toMatch(/web\.1: \{"level":30,.*"msg":"request completed"\}/);
  });

  it('Hono on Node', async () => {
    await deploy('hono');
    expect((await runners.get('hono')).text).toContain('<h1>Shortener</h1>');
    const body = JSON.stringify({ url: 'https://example.org/' });
    const made = await runners.get('hono', '/links', { method: 'POST', headers: json, body });
    expect(made).toMatchObject({ status: 201, text: '{"code":"0"}' });
    expect(await runners.get('hono', '/0')).toMatchObject({
      status: 302,
      headers: { location: 'https://example.org/' },
    });
    expect((await runners.get('hono', '/9')).status).toBe(404);
  });

  it('AdonisJS, built by `node ace build`: its hooks for modules, decorators, validation and its logger', async () => {
    await deploy('adonis', { APP_KEY: 'a key that has at least 32 characters' });
    const body = JSON.stringify({ name: 'Bodø' });
    expect(await runners.get('adonis', '/', { method: 'POST', headers: json, body })).toMatchObject({
      status: 201,
      text: '{"name":"Bodø"}',
    });
    expect((await runners.get('adonis')).text).toBe('1 at pier 7');
    expect((await runners.get('adonis', '/', { method: 'POST', headers: json, body: '{"name":"a"}' })).status).toBe(
      422,
    );
    // pino writes it through a transport, which is a thread elsewhere.
    await expect.poll(() => runners.log('adonis')).toMatch(/web\.1: \{"level":30,.*"msg":"started HTTP server on/);
  });

  it('server-sent events, as they come', async () => {
    await deploy('sse');
    const response = await open(runners.port(), 'sse.localhost', '/events');
    const times: number[] = [];
    for await (const chunk of response) {
      expect(String(chunk)).toMatch(/^id: \d+\ndata: .*\n\n$/);
      times.push(Date.now());
      if (times.length === 4) break;
    }
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(400);
  });

  const json = { 'content-type': 'application/json' };

  async function deploy(app: string, config: Record<string, string> = {}): Promise<void> {
    const { build } = await startBuilder();
    const { slug, output } = await build(await fixture(app));
    if (!slug) throw new Error(output);
    const route = runners.route(app, slugOf(slug.bytes));
    if (route.release) Object.assign(route.release.config, config);
    await runners.announce(route);
    expect((await runners.get(app)).status).toBe(200);
  }
});
