/** Who may do what: users, tokens and their scopes, collaborators; by the API and by git. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import { request } from './support/request.ts';

let platform: Platform;
let ada: string;
let bob: string;

beforeAll(async () => {
  platform = await Platform.start();
  ada = await newUser('ada@example.com');
  bob = await newUser('bob@example.com');
  await as(ada)('POST', '/apps', { name: 'ferry' });
});

afterAll(() => platform?.destroy());

async function newUser(email: string): Promise<string> {
  const { status, body } = await platform.api<{ api_key: string }>('POST', '/users', { email });
  expect(status).toBe(201);
  return body.api_key;
}

/** Calls the API with a key. */
const as =
  (key: string) =>
  async (method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await request(platform.port, 'localhost', path, {
      method,
      headers: { authorization: `Bearer ${key}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(answer.text) };
  };

async function token(key: string, options: object): Promise<{ id: string; token: string }> {
  const { body } = await as(key)('POST', '/oauth/authorizations', options);
  const { access_token } = body as { access_token: { token: string } };
  return { id: String(body.id), token: access_token.token };
}

const remote = (key: string) => `http://git:${key}@localhost:${platform.port}/ferry.git`;

it('hides an app from whoever has nothing to do with it', async () => {
  const unseen = { status: 404, body: { id: 'not_found', message: "Couldn't find that app." } };
  for (const [method, path, body] of [
    ['GET', '/apps/ferry', undefined],
    ['PATCH', '/apps/ferry', { maintenance: true }],
    ['DELETE', '/apps/ferry', undefined],
    ['GET', '/apps/ferry/config-vars', undefined],
    ['PATCH', '/apps/ferry/config-vars', { A: '1' }],
    ['GET', '/apps/ferry/releases', undefined],
    ['POST', '/apps/ferry/log-sessions', {}],
    ['GET', '/apps/ferry/collaborators', undefined],
    ['POST', '/apps/ferry/collaborators', { user: 'bob@example.com' }],
  ] as const) {
    expect(await as(bob)(method, path, body)).toEqual(unseen);
    expect((await as(bob)(method, path.replace('ferry', 'nowhere'), body)).body).toEqual(unseen.body);
  }
  expect((await as(bob)('GET', '/apps')).body).toEqual([]);
  expect((await as(ada)('GET', '/apps')).body).toMatchObject([{ name: 'ferry', owner: { email: 'ada@example.com' } }]);
  const repository = await Repository.create({ 'package.json': '{}' });
  const hidden = await repository.git('push', remote(bob), 'main');
  expect(hidden.code).not.toBe(0);
  expect(hidden.stderr).toContain('not found');
  await repository.destroy();
});

it('lets a collaborator deploy and configure, and not delete or invite', async () => {
  expect((await as(ada)('POST', '/apps/ferry/collaborators', { user: 'bob@example.com' })).status).toBe(201);
  expect((await as(ada)('GET', '/apps/ferry/collaborators')).body).toMatchObject([
    { role: 'owner', user: { email: 'ada@example.com' } },
    { role: 'collaborator', user: { email: 'bob@example.com' } },
  ]);
  expect((await as(bob)('GET', '/apps')).body).toMatchObject([{ name: 'ferry' }]);
  expect((await as(bob)('PATCH', '/apps/ferry/config-vars', { A: '1' })).status).toBe(200);
  expect((await as(bob)('DELETE', '/apps/ferry')).status).toBe(403);
  expect((await as(bob)('POST', '/apps/ferry/collaborators', { user: 'admin@islet.local' })).status).toBe(403);

  const repository = await Repository.create({ 'README.md': 'Nothing yet.\n' });
  const stored = await repository.git('push', remote(bob), 'main:refs/heads/draft');
  expect(stored.code).toBe(0);
  await repository.destroy();

  for (const [user, message] of [
    ['nobody@example.com', 'There is no user nobody@example.com'],
    ['bob@example.com', 'a collaborator already'],
    ['ada@example.com', 'owns ferry already'],
  ]) {
    const { status, body } = await as(ada)('POST', '/apps/ferry/collaborators', { user });
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  }
});

it('lets a collaborator leave, who then sees nothing', async () => {
  expect((await as(bob)('DELETE', '/apps/ferry/collaborators/ada@example.com')).status).toBe(404);
  expect((await as(bob)('DELETE', '/apps/ferry/collaborators/bob@example.com')).status).toBe(200);
  expect((await as(bob)('GET', '/apps/ferry')).status).toBe(404);
});

it('gives tokens that can do as much as their scope, until they are revoked', async () => {
  const reader = await token(ada, { scope: ['read'], description: 'dashboard' });
  expect((await as(reader.token)('GET', '/apps/ferry')).status).toBe(200);
  expect((await as(reader.token)('GET', '/apps/ferry/config-vars')).status).toBe(403);
  expect((await as(reader.token)('PATCH', '/apps/ferry', { maintenance: true })).status).toBe(403);
  expect((await as(reader.token)('POST', '/oauth/authorizations', {})).status).toBe(403);

  const repository = await Repository.create({ 'README.md': 'x\n' });
  expect((await repository.git('ls-remote', remote(reader.token))).code).toBe(0);
  expect((await repository.git('push', remote(reader.token), 'main:refs/heads/other')).code).not.toBe(0);
  await repository.destroy();

  const list = await as(ada)('GET', '/oauth/authorizations');
  expect(list.body).toContainEqual(expect.objectContaining({ description: 'dashboard', scope: ['read'] }));
  expect(JSON.stringify(list.body)).not.toContain(reader.token);

  expect((await as(bob)('DELETE', `/oauth/authorizations/${reader.id}`)).status).toBe(404);
  expect((await as(ada)('DELETE', `/oauth/authorizations/${reader.id}`)).status).toBe(200);
  expect((await as(reader.token)('GET', '/apps/ferry')).status).toBe(401);
});

it('forgets a token when its time is over', async () => {
  const short = await token(ada, { expires_in: 1 });
  expect((await as(short.token)('GET', '/account')).status).toBe(200);
  await expect.poll(async () => (await as(short.token)('GET', '/account')).status, { timeout: 5_000 }).toBe(401);
});

it('leaves users to the operator', async () => {
  expect((await as(ada)('GET', '/users')).status).toBe(403);
  expect((await as(ada)('POST', '/users', { email: 'eve@example.com' })).status).toBe(403);
  expect(await platform.api('POST', '/users', { email: 'ada@example.com' })).toMatchObject({
    status: 422,
    body: { message: 'There is a user ada@example.com already.' },
  });
  expect((await platform.api('POST', '/users', { email: 'no address' })).status).toBe(422);
  expect(await platform.api('DELETE', '/users/ada@example.com')).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining('still owns ferry') },
  });
  expect((await platform.api('DELETE', '/users/bob@example.com')).status).toBe(200);
  expect((await as(bob)('GET', '/account')).status).toBe(401);
  const again = await newUser('bob@example.com');
  expect((await as(again)('GET', '/account')).body).toMatchObject({ email: 'bob@example.com' });
});
