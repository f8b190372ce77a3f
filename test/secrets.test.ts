/** Secrets: at rest, in what the platform prints and shows, and against those who guess. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from './support/command.ts';
import { Platform } from './support/platform.ts';
import { descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';
import { request } from './support/request.ts';

const PASSWORD = 'hunter2-correct-horse-battery-staple';
const DRAIN = 'https://logs:drain-password-of-the-vault@logs.example.com/';
const WEBHOOK = {
  url: 'https://hooks.example.com/?key=url-secret-of-the-webhook',
  include: ['api:release'],
  level: 'notify',
  secret: 'signing-secret-of-the-webhook',
  authorization: 'Bearer header-secret-of-the-webhook',
};
const SECRETS = [
  PASSWORD,
  'drain-password-of-the-vault',
  'url-secret-of-the-webhook',
  'signing-secret-of-the-webhook',
  'header-secret-of-the-webhook',
];

let platform: Platform;
let repository: Repository;
let pushed: string;
let token: string;

const rotate = () => command('host/rotate-key.ts', [], { DATA_DIR: platform.dataDir });
const keys = () => readFileSync(join(platform.dataDir, 'secret-key'), 'utf8').trim().split('\n');
const shownBy = async (name: string) => (await platform.app(name)).text;

beforeAll(async () => {
  platform = await Platform.start();
  repository = await Repository.create({
    'package.json': '{"name":"vault","scripts":{"build":"exit 0","start":"node server.js"}}',
    'server.js': `require('node:http').createServer((req, res) => {
      if (req.url === '/fail') throw new Error('no luck');
      res.end(String(process.env.PASSWORD?.length));
    }).listen(process.env.PORT);\n`,
  });
  await platform.api('POST', '/apps', { name: 'vault' });
  await platform.api('PATCH', '/apps/vault/config-vars', { PASSWORD });
  await platform.api('POST', '/apps/vault/log-drains', { url: DRAIN });
  await platform.api('POST', '/apps/vault/webhooks', WEBHOOK);
  const made = await platform.api<{ access_token: { token: string } }>('POST', '/oauth/authorizations', {});
  token = made.body.access_token.token;
  pushed = (await repository.git('push', platform.remote('vault'), 'main')).stderr;
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

it('are in no file of the storage, no log, no build output, no error page, no command line', async () => {
  expect(await shownBy('vault')).toBe(String(PASSWORD.length));
  const page = await platform.app('vault', '/fail');
  expect(page.status).toBe(503);
  const processes = descendants(platform.pid);
  const output = platform.output.replace(/API key +\S+|islet:[^@]+@|-u :\S+/g, '');
  const shown = [
    pushed.replaceAll(platform.remote('vault'), ''),
    page.text,
    output,
    await platform.log('vault'),
    ...processes.map(({ command: line }) => line),
  ];
  for (const text of shown) {
    for (const secret of [...SECRETS, platform.apiKey, token]) expect(text).not.toContain(secret);
  }
  const files = readdirSync(platform.dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(20);
  for (const { parentPath, name } of files) {
    const bytes = readFileSync(join(parentPath, name));
    for (const secret of [...SECRETS, token]) expect(bytes.includes(secret), `${name} has a secret`).toBe(false);
    expect(bytes.includes(keys()[0] ?? ''), name).toBe(name === 'secret-key');
  }
});

describe('the key that config vars are encrypted with', () => {
  it('can be replaced while the platform runs', async () => {
    const [before] = keys();
    const { output, code } = await rotate();
    expect(output).toMatch(/There is a new key\. The config vars of \d+ releases are encrypted with it/);
    expect(code).toBe(0);
    expect(keys()).toHaveLength(1);
    expect(keys()[0]).not.toBe(before);
    const { body } = await platform.api('GET', '/apps/vault/config-vars');
    expect(body).toEqual({ PASSWORD });
    const urls = async (path: string) =>
      (await platform.api<{ url: string }[]>('GET', `/apps/vault/${path}`)).body.map(({ url }) => url);
    expect(await urls('log-drains')).toEqual([DRAIN]);
    expect(await urls('webhooks')).toEqual([WEBHOOK.url]);
    await platform.stop();
    await platform.start();
    expect(await shownBy('vault')).toBe(String(PASSWORD.length));
  });

  it('is replaced to the end though the platform is killed in the middle', async () => {
    for (const after of [150, 1_000, 2_000]) {
      const going = rotate();
      await delay(after);
      await platform.stop('SIGKILL');
      await going;
      await platform.start();
      expect(keys()).toHaveLength(1);
      expect((await platform.api('GET', '/apps/vault/config-vars')).body).toEqual({ PASSWORD });
    }
  });

  it('is refused when it is another', async () => {
    await platform.stop();
    const file = join(platform.dataDir, 'not-a-key');
    await expect(platform.start({ SECRET_KEY_FILE: '/dev/null' })).rejects.toThrow(
      'The secret key /dev/null is not 32 bytes in base64',
    );
    expect(readdirSync(platform.dataDir)).not.toContain(file);
    await platform.start();
  });
});

describe('the audit log', () => {
  it('has who changed what, and no values; only the operator reads it', async () => {
    await platform.api('PATCH', '/apps/vault/config-vars', { LATER: PASSWORD });
    const { body } = await platform.api<Record<string, unknown>[]>('GET', '/audit-events?app=vault');
    expect(body[0]).toMatchObject({
      actor: { email: 'admin@islet.local' },
      request: { method: 'PATCH', path: '/apps/vault/config-vars', fields: ['LATER'], ip_address: '127.0.0.1' },
      app: 'vault',
      status: 200,
    });
    expect(JSON.stringify(body)).not.toContain(PASSWORD);
    expect(body.map(({ request: asked }) => (asked as { path: string }).path)).toContain('/vault.git/git-receive-pack');

    const user = await platform.api<{ api_key: string }>('POST', '/users', { email: 'ada@example.com' });
    const headers = { authorization: `Bearer ${user.body.api_key}` };
    expect((await request(platform.port, 'localhost', '/audit-events', { headers })).status).toBe(403);
  });
});

describe('who guesses keys', () => {
  it('has to wait, by the API and by git, however they spell the key; others go on', async () => {
    const login = (key: string, client: string, path = '/account') =>
      request(platform.port, 'localhost', path, {
        headers: { authorization: `Basic ${btoa(`:${key}`)}`, 'x-forwarded-for': client },
      });
    const statuses: number[] = [];
    for (let i = 0; i < 40; i++) statuses.push((await login(`guess-${i}-${i}-${i}-${i}-${i}`, '203.0.113.7')).status);
    expect(statuses.slice(0, 30)).toEqual(statuses.slice(0, 30).map(() => 401));
    expect(new Set(statuses.slice(30))).toEqual(new Set([429]));
    const waits = await login('another', '203.0.113.7', '/vault.git/info/refs?service=git-receive-pack');
    expect(waits.status).toBe(429);
    expect(waits.text).toMatch(/^Too many failed logins from 203\.0\.113\.7\. Wait \d+ seconds\.\n$/);
    expect(Number(waits.headers['retry-after'])).toBeGreaterThan(0);
    expect((await login(token, '203.0.113.8')).status).toBe(200);

    // From many addresses, at the rest of one key.
    for (let i = 0; i < 30; i++) await login(`ISLET-0123456789abcdef-${i}`, `198.51.100.${i}`);
    expect((await login('ISLET-0123456789abcdef-x', '198.51.100.99')).status).toBe(429);
    expect((await login(token, '198.51.100.99')).status).toBe(200);
  });
});
