import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(() => platform?.destroy());

it('serves a directory of files, and nothing that begins with a dot', async () => {
  const repository = await Repository.create({
    'index.html': '<h1>Home</h1>',
    'about.html': '<h1>About</h1>',
    'blog/index.html': '<h1>Blog</h1>',
    'img/dot.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    '404.html': 'nothing here',
    '.env': 'SECRET=1',
    '.well-known/security.txt': 'Contact: mailto:a@example.com',
  });
  await platform.api('POST', '/apps', { name: 'plain' });
  const { code, stderr } = await repository.git('push', platform.remote('plain'), 'main');
  expect(stderr).toContain('Static site detected');
  expect(code).toBe(0);
  const get = (path: string) => platform.app('plain', path);
  expect((await get('/')).text).toBe('<h1>Home</h1>');
  expect((await get('/about')).text).toBe('<h1>About</h1>');
  expect((await get('/blog')).headers.location).toBe('/blog/');
  expect((await get('/img/dot.svg')).headers['content-type']).toContain('image/svg+xml');
  expect((await get('/.well-known/security.txt')).status).toBe(200);
  expect(await get('/.env')).toMatchObject({ status: 404, text: 'nothing here' });
  const { body } = await platform.api('GET', '/apps/plain');
  expect(body.buildpack_provided_description).toBe('Static');
  await repository.destroy();
});

it('follows static.json', async () => {
  const repository = await Repository.create({
    'static.json': JSON.stringify({
      root: 'dist/',
      routes: { '/**': 'index.html' },
      redirects: { '/old': { url: '/new', status: 302 } },
      headers: { '/**': { 'X-Site': 'yes' } },
      https_only: true,
    }),
    'dist/index.html': '<div id="app"></div>',
    'dist/data.json': '{}',
    'private.txt': 'not served',
  });
  await platform.api('POST', '/apps', { name: 'configured' });
  const { stderr } = await repository.git('push', platform.remote('configured'), 'main');
  expect(stderr).toContain('static.json: https_only has no effect on Islet.');
  const get = (path: string) => platform.app('configured', path);
  expect((await get('/deep/link')).text).toBe('<div id="app"></div>');
  expect((await get('/private.txt')).text).toBe('<div id="app"></div>');
  expect(await get('/old')).toMatchObject({ status: 302, headers: { location: '/new' } });
  expect((await get('/data.json')).headers['x-site']).toBe('yes');
  await repository.destroy();
});

it('refuses a static.json whose directory is not there', async () => {
  const repository = await Repository.create({ 'static.json': '{"root":"../other"}' });
  await platform.api('POST', '/apps', { name: 'broken' });
  const { code, stderr } = await repository.git('push', platform.remote('broken'), 'main');
  expect(code).not.toBe(0);
  expect(stderr).toContain('static.json: the app has no directory ../other.');
  await repository.destroy();
});

it('serves what a build of an app without a server leaves', async () => {
  const repository = await Repository.create({
    'package.json': JSON.stringify({ scripts: { build: 'node build.js' } }),
    'build.js': `
      const { mkdirSync, writeFileSync } = require('node:fs');
      mkdirSync('dist/assets', { recursive: true });
      writeFileSync('dist/index.html', '<script src="/assets/app.js"></script>');
      writeFileSync('dist/assets/app.js', 'start()');
    `,
  });
  await platform.api('POST', '/apps', { name: 'built' });
  const { stderr } = await repository.git('push', platform.remote('built'), 'main');
  expect(stderr).toContain('Serving dist/ as a static site: nothing says how to start a server');
  expect((await platform.app('built', '/assets/app.js')).text).toBe('start()');
  expect((await platform.app('built', '/any/route')).text).toBe('<script src="/assets/app.js"></script>');
  expect((await platform.app('built', '/build.js')).text).not.toContain('mkdirSync');
  await repository.destroy();
});
