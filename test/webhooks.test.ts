/** Webhooks: signed, tried again until they are taken, over a kill, to public addresses alone. */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';

interface Received {
  path: string;
  headers: Record<string, unknown>;
  text: string;
}

interface Delivery {
  status: string;
  num_attempts: number;
  last_attempt: { code: number | null; error_class: string | null } | null;
}

const received: Received[] = [];
let answer = 200;
let connections = 0;
let receiver: Server;
let platform: Platform;
let at: string;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ path: request.url ?? '', headers: request.headers, text: Buffer.concat(chunks).toString() });
    response.writeHead(answer).end();
  });
  receiver.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  at = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  platform = await Platform.start({ TRUSTED_HOSTS: at });
});
afterAll(async () => {
  receiver?.close();
  await platform?.destroy();
});

const PATIENCE = { timeout: 60_000, interval: 250 };

const sentTo = (path: string) => received.filter((one) => one.path === path);

async function add(app: string, options: object): Promise<string> {
  await platform.api('POST', '/apps', { name: app });
  const webhook = { include: ['api:release'], level: 'sync', url: `http://${at}/${app}`, ...options };
  const { status, body } = await platform.api<{ id: string }>('POST', `/apps/${app}/webhooks`, webhook);
  expect(status).toBe(201);
  return body.id;
}

const deliveries = async (app: string) =>
  (await platform.api<Delivery[]>('GET', `/apps/${app}/webhook-deliveries`)).body;

it('sends what it was asked for, signed', async () => {
  await add('signed', { include: ['api:release', 'api:domain'], secret: 'between us', authorization: 'Bearer abc' });
  await platform.api('PATCH', '/apps/signed/config-vars', { A: 'not to be sent' });
  await platform.api('POST', '/apps/signed/domains', { hostname: 'signed.example.com' });
  await platform.api('PATCH', '/apps/signed', { maintenance: true });
  await expect.poll(() => sentTo('/signed').length, PATIENCE).toBe(2);

  for (const { headers, text } of sentTo('/signed')) {
    expect(headers['heroku-webhook-hmac-sha256']).toBe(
      createHmac('sha256', 'between us').update(text).digest('base64'),
    );
    expect(headers.authorization).toBe('Bearer abc');
    expect(text).not.toContain('not to be sent');
  }
  const payloads = sentTo('/signed').map(({ text }) => JSON.parse(text));
  expect(payloads.find(({ resource }) => resource === 'release')).toMatchObject({
    action: 'create',
    actor: { email: 'admin@islet.local' },
    data: { version: 2, description: 'Set A config vars', app: { name: 'signed' } },
    webhook_metadata: { event: { include: 'api:release' } },
  });
  expect(payloads.find(({ resource }) => resource === 'domain')).toMatchObject({
    action: 'create',
    data: { hostname: 'signed.example.com' },
  });
  await expect
    .poll(async () => (await deliveries('signed')).map(({ status }) => status), PATIENCE)
    .toEqual(['succeeded', 'succeeded']);
  const listed = JSON.stringify((await platform.api('GET', '/apps/signed/webhooks')).body);
  expect(listed).not.toContain('between us');
  expect(listed).not.toContain('Bearer abc');
});

it('tries sync again until it is taken, over a kill of the platform, and notify once', async () => {
  answer = 503;
  const sync = await add('again', {});
  await platform.api('POST', '/apps/again/webhooks', {
    include: ['api:release'],
    level: 'notify',
    url: `http://${at}/once`,
  });
  await platform.api('PATCH', '/apps/again/config-vars', { A: '1' });
  await expect
    .poll(async () => (await deliveries('again')).map(({ status }) => status).sort(), PATIENCE)
    .toEqual(['failed', 'retrying']);
  await platform.stop('SIGKILL');
  answer = 200;
  await platform.start({ TRUSTED_HOSTS: at });
  await expect
    .poll(async () => (await deliveries('again')).map(({ status }) => status).sort(), PATIENCE)
    .toEqual(['failed', 'succeeded']);
  expect(sentTo('/once').length).toBe(1);
  const ids = sentTo('/again').map(({ text }) => JSON.parse(text).id);
  expect(ids.length).toBeGreaterThan(1);
  expect(new Set(ids).size).toBe(1);
  await platform.api('DELETE', `/apps/again/webhooks/${sync}`);
  expect((await platform.api<unknown[]>('GET', '/apps/again/webhooks')).body.length).toBe(1);
});

it('reaches nothing private', async () => {
  const before = connections;
  const port = Number(at.split(':')[1]);
  await add('inward', { url: `https://localhost:${port}/inward`, level: 'notify' });
  await platform.api('PATCH', '/apps/inward/config-vars', { A: '1' });
  await expect.poll(async () => (await deliveries('inward')).map(({ status }) => status), PATIENCE).toEqual(['failed']);
  expect(connections).toBe(before);
});

it('refuses what it could not send to, and names the field', async () => {
  await platform.api('POST', '/apps', { name: 'picky' });
  const webhook = { include: ['api:release'], level: 'sync', url: 'https://example.com/' };
  for (const [change, message] of [
    [{ url: 'http://127.0.0.1:1/' }, 'url: a webhook is an https:// URL.'],
    [{ url: 'https://' }, 'url: a webhook is an https:// URL.'],
    [{ url: 7 }, 'url: '],
    [{ include: ['api:everything'] }, 'include.0: must be one of api:app'],
    [{ include: [] }, 'include: '],
    [{ level: 'sometimes' }, 'level: must be notify or sync'],
    [{ secret: 'a\r\nX-Forged: 1' }, 'secret: must be printable ASCII'],
    [{ authorization: 'a\nb' }, 'authorization: must be printable ASCII'],
  ] as const) {
    const { status, body } = await platform.api('POST', '/apps/picky/webhooks', { ...webhook, ...change });
    expect({ status, id: body.id }).toEqual({ status: 422, id: 'invalid_params' });
    expect(body.message).toContain(message);
  }
  expect((await platform.api('GET', '/apps/picky/webhooks')).body).toEqual([]);
});
