import type * as Heroku from '@heroku-cli/schema';
import { and, eq, or } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { domains as domainsTable } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import type { App } from '../platform/apps.ts';
import { database, isUniqueViolation, now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { announce, nextRevision } from '../platform/routes.ts';
import { appHost } from '../platform/urls.ts';
import { isControlHost } from '../router/hosts.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

export const domains = new Hono<ApiContext>();

type Domain = Omit<typeof domainsTable.$inferSelect, 'appId'> & { kind: 'custom' | 'heroku' };

const creation = z.object({ hostname: z.string(), sni_endpoint: z.unknown().optional() });

/** Labels of letters, digits and dashes (RFC 1123, 2.1), at least two of them; the first may be a wildcard. */
const HOSTNAME = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

domains.get('/apps/:app/domains', async (c) => {
  const app = await appOf(c);
  const custom = await database(c.env.DB).query.domains.findMany({ where: eq(domainsTable.appId, app.id) });
  const all = [ownDomain(c.env, app), ...custom.map((row): Domain => ({ ...row, kind: 'custom' }))];
  const by = { hostname: (domain: Domain) => domain.hostname, id: (domain: Domain) => domain.id };
  return page(c, all, { by }, (domain) => resource(c.env, app, domain));
});

domains.post('/apps/:app/domains', async (c) => {
  const app = await appOf(c);
  const hostname = checkHostname(c.env, (await body(c, creation)).hostname);
  const row = { id: crypto.randomUUID(), appId: app.id, hostname, createdAt: now() };
  const db = database(c.env.DB);
  try {
    await db.batch([db.insert(domainsTable).values(row), nextRevision(db, app.id)]);
  } catch (error) {
    if (isUniqueViolation(error, 'domains.hostname')) {
      throw invalid(`${hostname} is currently in use by another app or added to this one already.`);
    }
    throw error;
  }
  await announce(c.env, app.id);
  return c.json(resource(c.env, app, { ...row, kind: 'custom' }), 201);
});

domains.get('/apps/:app/domains/:domain', async (c) => {
  const app = await appOf(c);
  return c.json(resource(c.env, app, await find(c, app)));
});

domains.delete('/apps/:app/domains/:domain', async (c) => {
  const app = await appOf(c);
  const domain = await find(c, app);
  if (domain.kind === 'heroku') throw invalid(`${domain.hostname} is the app's own and cannot be removed.`);
  const db = database(c.env.DB);
  await db.batch([db.delete(domainsTable).where(eq(domainsTable.id, domain.id)), nextRevision(db, app.id)]);
  await announce(c.env, app.id);
  return c.json(resource(c.env, app, domain));
});

function checkHostname(env: Env, asked: string): string {
  const hostname = asked.toLowerCase();
  if (hostname.length > 253 || !HOSTNAME.test(hostname)) {
    throw invalid(`${JSON.stringify(asked)} is not a domain name such as www.example.com or *.example.com.`);
  }
  if (isControlHost(hostname, env.APPS_DOMAIN) || `.${hostname}`.endsWith(`.${env.APPS_DOMAIN}`)) {
    throw invalid(`${hostname} belongs to the platform.`);
  }
  return hostname;
}

/** @throws ApiError 404 */
async function find(c: Context<ApiContext>, app: App): Promise<Domain> {
  const asked = c.req.param('domain') ?? '';
  const own = ownDomain(c.env, app);
  if (asked === own.hostname || asked === own.id) return own;
  const row = await database(c.env.DB).query.domains.findFirst({
    where: and(
      eq(domainsTable.appId, app.id),
      or(eq(domainsTable.id, asked), eq(domainsTable.hostname, asked.toLowerCase())),
    ),
  });
  if (!row) throw notFound('domain');
  return { ...row, kind: 'custom' };
}

/** The one below the apps' domain that every app has. */
const ownDomain = (env: Env, app: App): Domain => ({
  id: app.id,
  hostname: appHost(env, app.name),
  createdAt: app.createdAt,
  kind: 'heroku',
});

const resource = (env: Env, app: App, { id, hostname, kind, createdAt }: Domain) =>
  ({
    id,
    acm_status: null,
    acm_status_reason: null,
    app: { id: app.id, name: app.name },
    cname: kind === 'custom' ? appHost(env, app.name) : null,
    created_at: createdAt,
    hostname,
    kind,
    sni_endpoint: null,
    status: kind === 'custom' ? 'succeeded' : 'none',
    updated_at: createdAt,
  }) satisfies Resource<Heroku.Domain>;
