/** The Platform API: shapes, status codes and errors as Heroku documents them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { request } from './support/request.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
});

afterAll(() => platform?.destroy());

const raw = (path: string, options: Parameters<typeof request>[3] = {}) =>
  request(platform.port, 'localhost', path, options);

it('answers for its health without a key', async () => {
  const { status, text } = await raw('/health');
  expect({ status, body: JSON.parse(text) }).toEqual({ status: 200, body: { status: 'ok' } });
});

const refused = JSON.stringify({ id: 'unauthorized', message: 'Invalid credentials provided.' });
it.each([
  ['/account', refused],
  ['/apps', refused],
  ['/apps/none', refused],
  ['/nowhere', refused],
  // git prints it as it stands.
  ['/none.git/info/refs?service=git-upload-pack', 'Invalid credentials provided.\n'],
])('asks for a key at %s', async (path, body) => {
  for (const authorization of [undefined, 'Bearer wrong', `Basic ${btoa(':wrong')}`, 'Basic %%%', 'Digest x']) {
    const answer = await raw(path, authorization ? { headers: { authorization } } : {});
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="Islet"');
    expect(answer.text).toBe(body);
  }
});

it('takes the key as a Bearer token and as the password of Basic', async () => {
  for (const authorization of [`Bearer ${platform.apiKey}`, `Basic ${btoa(`anyone:${platform.apiKey}`)}`]) {
    const { status, text } = await raw('/account', { headers: { authorization } });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ email: 'admin@islet.local', verified: true });
  }
});

it('answers on the api host, and not on the host of an app', async () => {
  const headers = { authorization: `Bearer ${platform.apiKey}` };
  expect((await request(platform.port, 'api.localhost', '/account', { headers })).status).toBe(200);
  const other = await request(platform.port, 'account.localhost', '/account', { headers });
  expect(other.status).toBe(404);
  expect(other.text).not.toContain('admin@islet.local');
});

it('shows the public nothing of the internal API', async () => {
  for (const path of [
    '/internal/routes/x.localhost',
    '/internal/resume',
    '/internal/../internal/resume',
    '//internal/resume',
  ]) {
    for (const method of ['GET', 'POST']) {
      const answer = await raw(path, { method, headers: { authorization: `Bearer ${platform.apiKey}` } });
      expect(answer.status).toBe(404);
    }
  }
});

it('creates, lists, renames and deletes apps', async () => {
  const { status, body: made } = await platform.api<{ id: string; name: string }>('POST', '/apps');
  expect(status).toBe(201);
  expect(made.name).toMatch(/^[a-z]+-[a-z]+-\d{5}$/);
  expect(made).toMatchObject({ maintenance: false, owner: { email: 'admin@islet.local' }, stack: { name: 'islet-1' } });

  const renamed = await platform.api('PATCH', `/apps/${made.id}`, { name: 'renamed', maintenance: true });
  expect(renamed).toMatchObject({ status: 200, body: { id: made.id, name: 'renamed', maintenance: true } });
  expect((await platform.api('GET', `/apps/${made.name}`)).status).toBe(404);
  const { body: list } = await platform.api<{ name: string }[]>('GET', '/apps');
  expect(list.map(({ name }) => name)).toContain('renamed');

  expect(await platform.api('DELETE', '/apps/renamed')).toMatchObject({ status: 200, body: { id: made.id } });
  expect(await platform.api('DELETE', '/apps/renamed')).toEqual({
    status: 404,
    body: { id: 'not_found', message: "Couldn't find that app." },
  });
});

it.each([
  ['ab', 'Name is too short (minimum is 3 characters)'],
  ['UPPER', 'Name must start with a letter'],
  ['api', 'Name api is reserved'],
])('refuses the name %s', async (name, message) => {
  const { status, body } = await platform.api('POST', '/apps', { name });
  expect(status).toBe(422);
  expect(body).toEqual({ id: 'invalid_params', message: expect.stringContaining(message) });
});

it('refuses a name that is taken, at creation and at renaming', async () => {
  await platform.api('POST', '/apps', { name: 'first' });
  await platform.api('POST', '/apps', { name: 'second' });
  const taken = { status: 422, body: { id: 'invalid_params', message: 'Name first is already taken' } };
  expect(await platform.api('POST', '/apps', { name: 'first' })).toEqual(taken);
  expect(await platform.api('PATCH', '/apps/second', { name: 'first' })).toEqual(taken);
});

it('names what is wrong with a body', async () => {
  const headers = { authorization: `Bearer ${platform.apiKey}` };
  const broken = await raw('/apps', { method: 'POST', headers, body: '{"name":' });
  expect({ status: broken.status, body: JSON.parse(broken.text) }).toEqual({
    status: 400,
    body: { id: 'bad_request', message: 'The body is not valid JSON.' },
  });
  expect(await platform.api('POST', '/apps', { name: 7 })).toMatchObject({
    status: 422,
    body: { message: expect.stringMatching(/^name: /) },
  });
  const large = await raw('/apps', { method: 'POST', headers, body: `"${'x'.repeat(1024 * 1024)}"` });
  expect(large.status).toBe(413);
});

it('keeps config vars, each change a release', async () => {
  await platform.api('POST', '/apps', { name: 'configured' });
  const change = (vars: unknown) => platform.api('PATCH', '/apps/configured/config-vars', vars);
  expect((await change({ B: '2', A: '1' })).body).toEqual({ A: '1', B: '2' });
  expect((await change({ A: null, C: '3' })).body).toEqual({ B: '2', C: '3' });
  // Nothing changes: no release.
  expect((await change({ B: '2' })).body).toEqual({ B: '2', C: '3' });
  expect((await platform.api('GET', '/apps/configured/config-vars')).body).toEqual({ B: '2', C: '3' });
  const releases = await platform.newest('/apps/configured/releases', 'version');
  expect(releases.map(({ description }) => description)).toEqual([
    'Set C, Remove A config vars',
    'Set B, A config vars',
    'Initial release',
  ]);

  for (const [vars, message] of [
    [{ PORT: '80' }, 'PORT is set by the platform'],
    [{ 'A B': 'x' }, '"A B" will not do'],
    [{ A: 1 }, 'A: '],
    [{ A: 'x'.repeat(70_000) }, 'may take 65536'],
  ] as const) {
    const { status, body } = await change(vars);
    expect(status).toBe(422);
    expect(body).toMatchObject({ message: expect.stringContaining(message) });
  }
  expect((await platform.api('GET', '/apps/configured/config-vars')).body).toEqual({ B: '2', C: '3' });
});

it('loses no config var when many change at once', async () => {
  await platform.api('POST', '/apps', { name: 'crowded' });
  const names = Array.from({ length: 12 }, (_, i) => `VAR_${i}`);
  const changes = await Promise.all(
    names.map((name) => platform.api('PATCH', '/apps/crowded/config-vars', { [name]: name })),
  );
  expect(changes.map(({ status }) => status)).toEqual(names.map(() => 200));
  const { body } = await platform.api('GET', '/apps/crowded/config-vars');
  expect(Object.keys(body).sort()).toEqual([...names].sort());
  const releases = await platform.newest('/apps/crowded/releases', 'version');
  expect(releases.map(({ version }) => version)).toEqual(Array.from({ length: 13 }, (_, i) => 13 - i));
});

it('finds releases by id, version and as current', async () => {
  await platform.api('POST', '/apps', { name: 'released' });
  const { body: current } = await platform.api('GET', '/apps/released/releases/current');
  expect(current).toMatchObject({ version: 1, current: true, description: 'Initial release', slug: null });
  for (const name of [current.id, 1, 'v1']) {
    expect((await platform.api('GET', `/apps/released/releases/${name}`)).body).toEqual(current);
  }
  expect((await platform.api('GET', '/apps/released/releases/2')).status).toBe(404);
});

it('has no formation before the first deploy', async () => {
  await platform.api('POST', '/apps', { name: 'unformed' });
  expect((await platform.api('GET', '/apps/unformed/formation')).body).toEqual([]);
  expect(await platform.api('PATCH', '/apps/unformed/formation/web', { quantity: 1 })).toEqual({
    status: 404,
    body: { id: 'not_found', message: "Couldn't find that process type (web)." },
  });
});

it('opens a log session only with its own signature', async () => {
  await platform.api('POST', '/apps', { name: 'logged' });
  await platform.api('POST', '/apps', { name: 'unlogged' });
  await platform.api('PATCH', '/apps/logged/config-vars', { A: 'secret-value' });
  expect(await platform.log('logged')).toMatch(/^\S+\+00:00 app\[api\]: Release v2 created: Set A config vars\n$/);
  expect(await platform.log('logged')).not.toContain('secret-value');

  const { body: session } = await platform.api<{ logplex_url: string }>('POST', '/apps/logged/log-sessions', {
    lines: 5,
  });
  const { body: app } = await platform.api<{ id: string }>('GET', '/apps/unlogged');
  const { pathname, search } = new URL(session.logplex_url);
  const events = await raw(pathname + search, { headers: { accept: 'text/event-stream' } });
  expect(events.headers['content-type']).toBe('text/event-stream');
  expect(events.text).toMatch(/^data: \S+ app\[api\]: Release v2 created: Set A config vars\n\n$/);
  expect((await raw(pathname + search.replace('lines=5', 'lines=6'))).status).toBe(403);
  expect((await raw(`/logs/${app.id}${search}`)).status).toBe(403);
});
