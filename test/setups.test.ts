/** Apps that are set up by their app.json, and review apps. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tgz } from './support/archive.ts';
import { uploadSource } from './support/builds.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';

interface Setup {
  id: string;
  app: { id: string; name: string };
  status: string;
  failure_message: string | null;
  build: { id: string; status: string; output_stream_url: string };
  postdeploy: { exit_code: number; output: string } | null;
  resolved_success_url: string;
}

let platform: Platform;
let files: FileServer;

beforeAll(async () => {
  files = await FileServer.start();
  platform = await Platform.start({ RUNNERS: '1', TRUSTED_HOSTS: files.host });
});
afterAll(async () => {
  await platform?.destroy();
  files?.stop();
});

const manifest = {
  name: 'A shop',
  env: {
    GREETING: 'Welcome',
    SECRET: { description: 'Signs cookies', generator: 'secret' },
    OPTIONAL: { required: false },
    TOKEN: { description: 'Of the bank' },
  },
  formation: { web: { quantity: 1 }, worker: { quantity: 0 } },
  scripts: { postdeploy: 'node -e "console.log(process.env.GREETING + \' at first\')"' },
  success_url: '/welcome',
  environments: { review: { env: { GREETING: 'Look' }, scripts: {} } },
};

const source = (json: unknown, root = ''): Promise<Buffer> =>
  tgz({
    [`${root}README`]: 'x'.repeat(5_000),
    [`${root}app.json`]: typeof json === 'string' ? json : JSON.stringify(json),
    [`${root}package.json`]: '{"name":"shop","version":"1.0.0"}',
    [`${root}Procfile`]: 'web: node server.js\nworker: node server.js\n',
    [`${root}server.js`]: `require('node:http').createServer((_, res) => res.end(process.env.GREETING)).listen(process.env.PORT);\n`,
  });

const ended = (id: string): Promise<Setup> =>
  expect
    .poll(async () => (await platform.api<Setup>('GET', `/app-setups/${id}`)).body, { timeout: 60_000, interval: 200 })
    .not.toMatchObject({ status: 'pending' })
    .then(async () => (await platform.api<Setup>('GET', `/app-setups/${id}`)).body);

it('sets an app up: config vars, build, formation, postdeploy', async () => {
  const { status, body } = await platform.api<Setup>('POST', '/app-setups', {
    app: { name: 'shop' },
    source_blob: { url: await uploadSource(platform, await source(manifest)), version: 'v1' },
    overrides: { env: { TOKEN: 'given' } },
  });
  expect(status).toBe(202);
  expect(body).toMatchObject({ status: 'pending', app: { name: 'shop' }, failure_message: null });
  const setup = await ended(body.id);
  expect(setup).toMatchObject({
    status: 'succeeded',
    build: { status: 'succeeded' },
    postdeploy: { exit_code: 0, output: expect.stringContaining('Welcome at first') },
    resolved_success_url: `http://shop.localhost:${platform.port}/welcome`,
  });
  const { body: config } = await platform.api('GET', '/apps/shop/config-vars');
  expect(config).toEqual({ GREETING: 'Welcome', SECRET: expect.stringMatching(/^[0-9a-f]{64}$/), TOKEN: 'given' });
  expect((await platform.app('shop')).text).toBe('Welcome');
  const { body: formation } = await platform.api<{ type: string; quantity: number }[]>('GET', '/apps/shop/formation');
  expect(formation).toMatchObject([
    { type: 'web', quantity: 1 },
    { type: 'worker', quantity: 0 },
  ]);
});

it('says what will not do, and leaves nothing', async () => {
  const post = async (json: unknown, more: object = {}) => {
    const url = files.put('/source.tgz', await source(json, 'shop-1a2b3c/'));
    return platform.api('POST', '/app-setups', { app: { name: 'unmade' }, source_blob: { url }, ...more });
  };
  for (const [json, message] of [
    [manifest, 'app.json: env.TOKEN: it is required and has no value. Give it one in overrides.env.TOKEN.'],
    ['{', 'app.json: it is not valid JSON.'],
    [{ formation: { web: { quantity: 'many' } } }, 'app.json: formation.web.quantity: '],
    [{ addons: ['heroku-postgresql'] }, 'app.json: addons: Islet has no add-ons.'],
    [{ env: { PORT: '1' } }, 'Config var PORT is set by the platform'],
    [{ formation: { web: { size: 'gigantic' } } }, 'gigantic'],
  ] as const) {
    const { status, body } = await post(json);
    expect({ status, message: body.message }).toEqual({ status: 422, message: expect.stringContaining(message) });
  }
  for (const [url, message] of [
    [files.url('/nowhere.tgz'), 'the server answered 404'],
    [files.put('/not.tgz', Buffer.from('no archive')), 'the archive'],
    [`http://127.0.0.1:${platform.port}/health`, 'it cannot be fetched'],
  ] as const) {
    const { status, body } = await platform.api('POST', '/app-setups', { source_blob: { url } });
    expect({ status, message: body.message }).toEqual({ status: 422, message: expect.stringContaining(message) });
  }
  expect((await platform.api('GET', '/apps/unmade')).status).toBe(404);
});

it('tells of a build and a postdeploy that fail', async () => {
  const blob = async (contents: Buffer) => ({ url: await uploadSource(platform, contents) });
  const failing = await platform.api<Setup>('POST', '/app-setups', {
    source_blob: await blob(await source({ scripts: { postdeploy: 'exit 7' } })),
  });
  expect(await ended(failing.body.id)).toMatchObject({
    status: 'failed',
    failure_message: 'postdeploy exited with status 7.',
    postdeploy: { exit_code: 7 },
    build: { status: 'succeeded' },
  });
  const unbuilt = await platform.api<Setup>('POST', '/app-setups', {
    source_blob: await blob(await tgz({ 'app.json': '{}', 'what.txt': '' })),
  });
  expect(await ended(unbuilt.body.id)).toMatchObject({
    status: 'failed',
    build: { status: 'failed' },
    postdeploy: null,
  });
});

it('makes review apps of archives, in the pipeline, for its owner', async () => {
  await platform.api('POST', '/pipelines', { name: 'stores' });
  const { status, body } = await platform.api<{ id: string; app: { id: string } }>('POST', '/review-apps', {
    branch: 'new-colours',
    pipeline: 'stores',
    pr_number: 12,
    source_blob: { url: await uploadSource(platform, await source(manifest)), version: 'abc' },
    environment: { TOKEN: 'for review' },
  });
  expect({ status, body }).toMatchObject({
    status: 201,
    body: { branch: 'new-colours', pr_number: 12, status: 'creating' },
  });
  const path = `/review-apps/${body.id}`;
  await expect
    .poll(async () => (await platform.api('GET', path)).body, { timeout: 60_000, interval: 200 })
    .toMatchObject({ status: 'created' });
  const { body: listed } = await platform.api<object[]>('GET', '/pipelines/stores/review-apps');
  expect(listed).toMatchObject([{ id: body.id }]);
  const { body: made } = await platform.api<{ name: string }>('GET', `/apps/${body.app.id}`);
  expect((await platform.app(made.name)).text).toBe('Look');
  expect((await platform.api('GET', `/apps/${made.name}/config-vars`)).body).toMatchObject({
    HEROKU_BRANCH: 'new-colours',
    HEROKU_PR_NUMBER: '12',
    TOKEN: 'for review',
  });
  expect((await platform.api('GET', `/apps/${made.name}/pipeline-couplings`)).body).toMatchObject({ stage: 'review' });
  const { body: eve } = await platform.api<{ api_key: string }>('POST', '/users', { email: 'eve@example.com' });
  for (const method of ['GET', 'DELETE']) expect((await platform.apiAs(eve.api_key, method, path)).status).toBe(404);
  expect((await platform.api('DELETE', path)).body).toMatchObject({ status: 'deleted' });
  expect((await platform.api('GET', `/apps/${body.app.id}`)).status).toBe(404);
});
