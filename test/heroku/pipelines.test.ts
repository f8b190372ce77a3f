import { afterAll, beforeAll, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

let platform: Platform;
let heroku: Heroku;

beforeAll(async () => {
  platform = await Platform.start();
  for (const name of ['shop-staging', 'shop']) await platform.api('POST', '/apps', { name });
  heroku = await Heroku.for(platform);
});
afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
});

it('pipelines:create, pipelines:add, pipelines, pipelines:info', async () => {
  const created = await heroku.run(['pipelines:create', 'shop', '--app', 'shop-staging', '--stage', 'staging']);
  expect(created.code).toBe(0);
  expect(created.stderr).toContain('Creating shop pipeline... done');
  expect(created.stderr).toContain('Adding shop-staging to shop pipeline as staging... done');
  await heroku.run(['pipelines:add', 'shop', '--app', 'shop', '--stage', 'production']);
  expect((await heroku.run(['pipelines'])).stdout).toBe('=== My Pipelines\n\nshop\n');
  const { stdout } = await heroku.run(['pipelines:info', 'shop']);
  expect(stdout).toContain('owner: admin@islet.local');
  expect(stdout).toMatch(/shop-staging +staging\n/);
  expect(stdout).toMatch(/shop +production\n/);
  expect((await heroku.run(['apps:info', '--app', 'shop'])).stdout).toMatch(/Pipeline: +shop - production/);
});

it('pipelines:promote runs the same slug with the config vars of the target', async () => {
  const early = await heroku.run(['pipelines:promote', '--app', 'shop-staging']);
  expect(early.code).not.toBe(0);
  expect(early.stderr).toContain('nothing was deployed to shop-staging yet');

  for (const name of ['shop-staging', 'shop'])
    await platform.api('PATCH', `/apps/${name}/config-vars`, { STAGE: `config of ${name}` });
  const repository = await Repository.create({
    'server.js':
      "require('node:http').createServer((_, response) => response.end(process.env.STAGE)).listen(process.env.PORT);",
    'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', scripts: { start: 'node server.js' } }),
  });
  const pushed = await repository.git('push', platform.remote('shop-staging'), 'main');
  expect(pushed.code).toBe(0);
  await repository.destroy();
  const { code, stdout, stderr } = await heroku.run(['pipelines:promote', '--app', 'shop-staging']);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout).toContain('Starting promotion to production...');
  expect(stdout).toMatch(/shop: +succeeded/);
  expect((await platform.app('shop')).text).toBe('config of shop');
  expect((await platform.app('shop-staging')).text).toBe('config of shop-staging');
  const [release] = await platform.newest('/apps/shop/releases', 'version');
  expect(release).toMatchObject({ description: expect.stringMatching(/^Promote shop-staging v3 [0-9a-f]{8}$/) });
});

it('keeps promotions and couplings from whoever has nothing to do with them', async () => {
  const { body: user } = await platform.api<{ api_key: string }>('POST', '/users', { email: 'eve@example.com' });
  const { body: couplings } = await platform.api<{ id: string; pipeline: { id: string }; app: { id: string } }[]>(
    'GET',
    '/pipeline-couplings',
  );
  const eve = (method: string, path: string, body?: unknown) => platform.apiAs(user.api_key, method, path, body);
  expect((await eve('GET', '/pipelines')).body).toEqual([]);
  expect((await eve('GET', '/pipeline-couplings')).body).toEqual([]);
  await eve('POST', '/apps', { name: 'of-eve' });
  const [coupling] = couplings;
  expect(couplings.length).toBe(2);
  for (const [method, path, body] of [
    ['GET', `/pipelines/${coupling?.pipeline.id}`, undefined],
    ['PATCH', `/pipelines/${coupling?.pipeline.id}`, { name: 'taken' }],
    ['DELETE', `/pipelines/${coupling?.pipeline.id}`, undefined],
    ['DELETE', `/pipeline-couplings/${coupling?.id}`, undefined],
    ['POST', '/pipeline-couplings', { app: 'of-eve', pipeline: coupling?.pipeline.id, stage: 'staging' }],
    [
      'POST',
      '/pipeline-promotions',
      { pipeline: coupling?.pipeline, source: { app: coupling?.app }, targets: [{ app: { id: 'of-eve' } }] },
    ],
  ] as const) {
    expect({ method, path, status: (await eve(method, path, body)).status }).toEqual({ method, path, status: 404 });
  }
  // An app of hers in a pipeline of hers reaches no app of another's.
  const { body: own } = await eve('POST', '/pipelines', { name: 'trap' });
  expect((await eve('POST', '/pipeline-couplings', { app: 'shop', pipeline: own.id, stage: 'staging' })).status).toBe(
    404,
  );
  expect((await eve('POST', '/filters/apps', { in: { id: [coupling?.app.id] } })).body).toEqual([]);
});

it('pipelines:update, pipelines:rename, pipelines:remove, pipelines:destroy', async () => {
  const updated = await heroku.run(['pipelines:update', '--app', 'shop-staging', '--stage', 'development']);
  expect(updated.stderr).toContain('Changing shop-staging to development... done');
  const renamed = await heroku.run(['pipelines:rename', 'shop', 'store']);
  expect(renamed.stderr).toContain('Renaming shop pipeline to store... done');
  const transferred = await heroku.run([
    'pipelines:transfer',
    'nobody@example.com',
    '--pipeline',
    'store',
    '--confirm',
    'store',
  ]);
  expect(transferred.code).not.toBe(0);
  const removed = await heroku.run(['pipelines:remove', '--app', 'shop-staging']);
  expect(removed.stderr).toContain('Removing shop-staging... done');
  const destroyed = await heroku.run(['pipelines:destroy', 'store']);
  expect(destroyed.stderr).toContain('Destroying store pipeline... done');
  expect((await heroku.run(['pipelines:info', 'store'])).stderr).toContain('Pipeline not found');
});

it('reviewapps:create says why not', async () => {
  await platform.api('POST', '/pipelines', { name: 'reviewed' });
  const { code, stderr } = await heroku.run(['reviewapps:create', '--pipeline', 'reviewed', '--branch', 'new']);
  expect(code).not.toBe(0);
  expect(stderr.replace(/\s+(›\s+)?/g, ' ')).toContain('Review apps follow pull requests on GitHub');
});
