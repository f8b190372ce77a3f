import type * as Heroku from '@heroku-cli/schema';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { type Drain, MAX_DRAINS } from '../logs/drains.ts';
import type { App } from '../platform/apps.ts';
import { now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { isTrusted } from '../platform/internet.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

export const logDrains = new Hono<ApiContext>();

const creation = z.object({ url: z.string().max(2_000) });

logDrains.get('/apps/:app/log-drains', async (c) => {
  const app = await appOf(c);
  const drains = await channelOf(c, app).drains();
  const by = { id: (drain: Drain) => drain.id, created_at: (drain: Drain) => drain.createdAt };
  return page(c, drains, { by }, resource);
});

logDrains.post('/apps/:app/log-drains', async (c) => {
  const app = await appOf(c);
  const { url } = await body(c, creation);
  check(c, url);
  const channel = channelOf(c, app);
  const drains = await channel.drains();
  if (drains.some((known) => known.url === url)) throw invalid('Url has already been taken');
  if (drains.length >= MAX_DRAINS) throw invalid(`An app has at most ${MAX_DRAINS} log drains.`);
  const drain = { id: crypto.randomUUID(), url, token: `d.${crypto.randomUUID()}`, createdAt: now() };
  await channel.addDrain(drain);
  return c.json(resource(drain), 201);
});

logDrains.get('/apps/:app/log-drains/:drain', async (c) => {
  const app = await appOf(c);
  return c.json(resource(await find(c, app)));
});

logDrains.delete('/apps/:app/log-drains/:drain', async (c) => {
  const app = await appOf(c);
  const drain = await find(c, app);
  await channelOf(c, app).removeDrain(drain.id);
  return c.json(resource(drain));
});

const PROTOCOLS = ['https:', 'syslog:', 'syslog+tls:'];

/** @throws ApiError 422 when lines cannot or must not go there */
function check(c: Context<ApiContext>, text: string): void {
  const url = URL.parse(text);
  // A name is checked when it is resolved; an address can be refused at once.
  const trusted = url !== null && isTrusted(c.env, new URL(`http://${url.host || 'nowhere.invalid'}`));
  if (!url?.hostname || !(PROTOCOLS.includes(url.protocol) || (trusted && url.protocol === 'http:'))) {
    throw invalid('Url is invalid: a drain is an https://, syslog:// or syslog+tls:// URL.');
  }
}

async function find(c: Context<ApiContext, '/apps/:app/log-drains/:drain'>, app: App): Promise<Drain> {
  const asked = c.req.param('drain');
  const drains = await channelOf(c, app).drains();
  const drain = drains.find(({ id, url, token }) => [id, url, token].includes(asked));
  if (!drain) throw notFound('log drain');
  return drain;
}

const channelOf = (c: Context<ApiContext>, app: App) => c.env.LOG_CHANNEL.get(c.env.LOG_CHANNEL.idFromName(app.id));

const resource = ({ id, url, token, createdAt }: Drain) =>
  ({
    id,
    url,
    token,
    addon: null,
    extended: null,
    created_at: createdAt,
    updated_at: createdAt,
  }) satisfies Resource<Heroku.LogDrain, 'addon', 'extended'>;
