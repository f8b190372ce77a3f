/** Custom domains: added through the API, served by the router at once, gone when removed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import { request } from './support/request.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
  for (const name of ['lagoon', 'atoll']) {
    const repository = await Repository.create({
      'package.json': `{"name":"${name}"}`,
      'server.js': `require('node:http').createServer((q, r) => r.end('${name} ' + q.headers.host)).listen(process.env.PORT);\n`,
    });
    await platform.api('POST', '/apps', { name });
    await repository.git('push', platform.remote(name), 'main');
    await repository.destroy();
  }
});

afterAll(() => platform?.destroy());

const ask = async (host: string) => {
  const { status, text } = await request(platform.port, host, '/');
  return status === 200 ? text : status;
};
const add = (app: string, hostname: string) => platform.api('POST', `/apps/${app}/domains`, { hostname });

it('serves a domain from the moment it is added until it is removed', async () => {
  expect(await ask('www.example.com')).toBe(404);
  expect(await add('lagoon', 'WWW.example.com')).toMatchObject({
    status: 201,
    body: { hostname: 'www.example.com', kind: 'custom', cname: 'lagoon.localhost', status: 'succeeded' },
  });
  expect(await ask('www.example.com')).toBe(`lagoon www.example.com:${platform.port}`);
  expect((await platform.api('GET', '/apps/lagoon/domains')).body).toMatchObject([
    { hostname: 'lagoon.localhost', kind: 'heroku' },
    { hostname: 'www.example.com', kind: 'custom' },
  ]);
  expect((await platform.api('DELETE', '/apps/lagoon/domains/www.example.com')).status).toBe(200);
  expect(await ask('www.example.com')).toBe(404);
  expect((await platform.api('DELETE', '/apps/lagoon/domains/www.example.com')).status).toBe(404);
});

it('serves everything below a wildcard, but for what another app has by name', async () => {
  await add('lagoon', '*.example.org');
  await add('atoll', 'shop.example.org');
  expect(await ask('blog.example.org')).toMatch(/^lagoon /);
  expect(await ask('blog.example.org')).toMatch(/^lagoon /);
  expect(await ask('shop.example.org')).toMatch(/^atoll /);
  expect(await ask('deep.blog.example.org')).toBe(404);
  expect(await ask('example.org')).toBe(404);
});

it('refuses a domain that another app has, and what is none', async () => {
  await add('lagoon', 'mine.example.net');
  expect((await add('atoll', 'mine.example.net')).body).toMatchObject({
    id: 'invalid_params',
    message: expect.stringContaining('in use by another app'),
  });
  for (const hostname of ['localhost', 'other.localhost', '127.0.0.1:80', 'a b.com', '*.*.com', '-a.com', 'com', '']) {
    expect((await add('atoll', hostname)).status, hostname).toBe(422);
  }
  expect((await platform.api('DELETE', '/apps/lagoon/domains/lagoon.localhost')).status).toBe(422);
});

it('frees its domains when an app is deleted', async () => {
  await platform.api('DELETE', '/apps/lagoon');
  expect(await ask('mine.example.net')).toBe(404);
  expect((await add('atoll', 'mine.example.net')).status).toBe(201);
  expect(await ask('mine.example.net')).toMatch(/^atoll /);
});
