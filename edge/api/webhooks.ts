import type * as Heroku from '@heroku-cli/schema';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import * as z from 'zod';
import type { App } from '../platform/apps.ts';
import { now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { isTrusted } from '../platform/internet.ts';
import {
  type Action,
  type Delivery,
  type Entity,
  entities,
  type Webhook,
  type WebhookEvent,
} from '../webhooks/event.ts';
import { publish, webhookChannel } from '../webhooks/publish.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

export const webhooks = new Hono<ApiContext>();

const MAX_WEBHOOKS = 20;

/** What a header can carry. */
const headerValue = z
  .string()
  .max(1_000)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');

const properties = z.object({
  url: z.string().max(2_000),
  include: z.array(z.enum(entities, `must be one of ${entities.join(', ')}`)).min(1),
  level: z.enum(['notify', 'sync'], 'must be notify or sync'),
  secret: headerValue.min(1).nullish(),
  authorization: headerValue.nullish(),
});

const byTime = { id: ({ id }: { id: string }) => id, created_at: (one: { createdAt: string }) => one.createdAt };

webhooks.get('/apps/:app/webhooks', async (c) => {
  const app = await appOf(c);
  return page(c, await webhookChannel(c.env, app.id).list(), { by: byTime }, (row) => resource(app, row));
});

/** The answer's header Heroku-Webhook-Secret has what deliveries are signed with, and nothing else ever shows it. */
webhooks.post('/apps/:app/webhooks', async (c) => {
  const app = await appOf(c);
  const asked = await body(c, properties);
  checkUrl(c, asked.url);
  const channel = webhookChannel(c.env, app.id);
  if ((await channel.list()).length >= MAX_WEBHOOKS) throw invalid(`An app has at most ${MAX_WEBHOOKS} webhooks.`);
  const at = now();
  const webhook: Webhook = {
    ...asked,
    id: crypto.randomUUID(),
    secret: asked.secret ?? crypto.getRandomValues(new Uint8Array(32)).toHex(),
    authorization: asked.authorization ?? null,
    createdAt: at,
    updatedAt: at,
  };
  await channel.put(webhook);
  c.header('Heroku-Webhook-Secret', webhook.secret);
  return c.json(resource(app, webhook), 201);
});

webhooks.get('/apps/:app/webhooks/:webhook', async (c) => {
  const app = await appOf(c);
  return c.json(resource(app, await find(c, app)));
});

webhooks.patch('/apps/:app/webhooks/:webhook', async (c) => {
  const app = await appOf(c);
  const webhook = await find(c, app);
  const asked = await body(c, properties.partial());
  if (asked.url !== undefined) checkUrl(c, asked.url);
  const changed: Webhook = {
    ...webhook,
    url: asked.url ?? webhook.url,
    include: asked.include ?? webhook.include,
    level: asked.level ?? webhook.level,
    secret: asked.secret ?? webhook.secret,
    authorization: asked.authorization === undefined ? webhook.authorization : asked.authorization,
    updatedAt: now(),
  };
  await webhookChannel(c.env, app.id).put(changed);
  if (asked.secret) c.header('Heroku-Webhook-Secret', changed.secret);
  return c.json(resource(app, changed));
});

webhooks.delete('/apps/:app/webhooks/:webhook', async (c) => {
  const app = await appOf(c);
  const webhook = await find(c, app);
  await webhookChannel(c.env, app.id).remove(webhook.id);
  return c.json(resource(app, webhook));
});

webhooks.get('/apps/:app/webhook-deliveries', async (c) => {
  const app = await appOf(c);
  const status = c.req.query('eq[status]');
  const all = await webhookChannel(c.env, app.id).deliveries();
  const by = { seq: (delivery: Delivery) => delivery.seq, ...byTime };
  const wanted = all.filter((delivery) => status === undefined || delivery.status === status);
  return page(c, wanted, { by }, deliveryResource);
});

webhooks.get('/apps/:app/webhook-deliveries/:delivery', async (c) => {
  const app = await appOf(c);
  const all = await webhookChannel(c.env, app.id).deliveries();
  const delivery = all.find(({ id }) => id === c.req.param('delivery'));
  if (!delivery) throw notFound('webhook delivery');
  return c.json(deliveryResource(delivery));
});

webhooks.get('/apps/:app/webhook-events', async (c) => {
  const app = await appOf(c);
  return page(c, await webhookChannel(c.env, app.id).events(), { by: byTime }, eventResource);
});

webhooks.get('/apps/:app/webhook-events/:event', async (c) => {
  const app = await appOf(c);
  const all = await webhookChannel(c.env, app.id).events();
  const event = all.find(({ id }) => id === c.req.param('event'));
  if (!event) throw notFound('webhook event');
  return c.json(eventResource(event));
});

/** `/apps/<app>`, or `/apps/<app>/<collection>` with one of it or none. */
const CHANGED = /^\/apps\/[^/]+(?:\/(collaborators|domains|formation)(?:\/[^/]+)?)?$/;

const entityOf: Record<string, Entity> = {
  collaborators: 'api:collaborator',
  domains: 'api:domain',
  formation: 'api:formation',
};

const actionOf: Record<string, Action> = { POST: 'create', PATCH: 'update', DELETE: 'destroy' };

/** Tells the webhooks of an app of what is changed by the API alone; releases and builds tell of themselves. */
export const publishChanges: MiddlewareHandler<ApiContext> = async (c, next) => {
  await next();
  const [path, collection] = CHANGED.exec(c.req.path) ?? [];
  const action = actionOf[c.req.method];
  const entity = collection === undefined ? 'api:app' : entityOf[collection];
  if (path === undefined || !action || !entity || !c.res.ok) return;
  if (entity === 'api:app' && action === 'destroy') return;
  const { id, email } = c.get('user');
  for (const data of [await c.res.clone().json<Changed | Changed[]>()].flat()) {
    await publish(c.env, data.app?.id ?? data.id, { entity, action, actor: { id, email }, data });
  }
};

interface Changed {
  id: string;
  app?: { id: string };
}

/** @throws ApiError 422 when nothing can or must be sent there */
function checkUrl(c: Context<ApiContext>, text: string): void {
  const url = URL.parse(text);
  if (url?.hostname && (url.protocol === 'https:' || (url.protocol === 'http:' && isTrusted(c.env, url)))) return;
  throw invalid('url: a webhook is an https:// URL.');
}

async function find(c: Context<ApiContext>, app: App): Promise<Webhook> {
  const all = await webhookChannel(c.env, app.id).list();
  const webhook = all.find(({ id }) => id === c.req.param('webhook'));
  if (!webhook) throw notFound('webhook');
  return webhook;
}

const resource = (app: App, { id, url, include, level, createdAt, updatedAt }: Webhook) =>
  ({
    id,
    app: { id: app.id, name: app.name },
    created_at: createdAt,
    include,
    level,
    updated_at: updatedAt,
    url,
  }) satisfies Resource<Heroku.AppWebhook>;

const deliveryResource = (delivery: Delivery) => ({
  id: delivery.id,
  created_at: delivery.createdAt,
  event: { id: delivery.eventId, include: delivery.include },
  last_attempt: delivery.last && {
    id: delivery.last.id,
    code: delivery.last.code,
    created_at: delivery.last.at,
    error_class: delivery.last.errorClass,
    status: delivery.status === 'succeeded' ? 'succeeded' : 'failed',
    updated_at: delivery.last.at,
  },
  next_attempt_at: delivery.nextAttemptAt,
  num_attempts: delivery.attempts,
  status: delivery.status,
  updated_at: delivery.updatedAt,
  webhook: { id: delivery.webhookId, level: delivery.level },
});

const eventResource = ({ id, include, payload, createdAt }: WebhookEvent) => ({
  id,
  created_at: createdAt,
  include,
  payload: JSON.parse(payload),
  updated_at: createdAt,
});
