/** Who changed what through the API or by git, when, and from where. Values that were sent are not in it. */
import { and, desc, eq, lt } from 'drizzle-orm';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { auditEvents } from '../../schema/tables.ts';
import { clientAddress } from '../platform/client-address.ts';
import { database, now } from '../platform/database.ts';
import { ApiError } from '../platform/errors.ts';
import { type ApiContext, isOperator } from './auth.ts';
import { page } from './paging.ts';

type AuditEvent = typeof auditEvents.$inferSelect;

/** How long events are kept. Milliseconds. */
const KEPT_MS = 90 * 24 * 60 * 60 * 1000;

/** How many of the newest events a list is made of. */
const LISTED = 10_000;

const MAX_FIELDS = 100;

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A fetch of git's is a POST that changes nothing. */
const isRead = (c: Context<ApiContext>): boolean =>
  READING.has(c.req.method) || c.req.path.endsWith('.git/git-upload-pack');

/** Records what changes something, with its outcome, before the answer goes out. */
export const recordChanges: MiddlewareHandler<ApiContext> = async (c, next) => {
  await next();
  if (isRead(c)) return;
  const at = now();
  const user = c.get('user');
  const event: AuditEvent = {
    id: crypto.randomUUID(),
    createdAt: at,
    userId: user.id,
    email: user.email,
    method: c.req.method,
    path: c.req.path,
    app: appIn(c.req.path),
    fields: c.res.ok ? await fieldsOf(c) : [],
    status: c.res.status,
    address: clientAddress(c.req.raw, c.env),
  };
  const db = database(c.env.DB);
  await db.batch([
    db.insert(auditEvents).values(event),
    db.delete(auditEvents).where(lt(auditEvents.createdAt, new Date(Date.now() - KEPT_MS).toISOString())),
  ]);
};

/** The app that a path names: `/apps/<app>/…`, `/<app>.git/…`. */
const appIn = (path: string): string | null =>
  (/^\/apps\/([^/]+)/.exec(path) ?? /^\/([^/]+)\.git\//.exec(path))?.[1] ?? null;

/** The names of the fields in the body: of config vars, their names. */
async function fieldsOf(c: Context<ApiContext>): Promise<string[]> {
  const text = await c.req.bodyCache.text;
  try {
    const body: unknown = JSON.parse(text || 'null');
    return body && typeof body === 'object' && !Array.isArray(body) ? Object.keys(body).slice(0, MAX_FIELDS) : [];
  } catch {
    return [];
  }
}

/** The operator's way to read them, the newest first; `?app=` for those of one. Heroku has its own in Enterprise. */
export const audit = new Hono<ApiContext>();

audit.get('/audit-events', async (c) => {
  if (!isOperator(c.get('user'))) throw new ApiError(403, 'forbidden', 'Only the operator may do this.');
  const app = c.req.query('app');
  const events = await database(c.env.DB).query.auditEvents.findMany({
    where: and(app === undefined ? undefined : eq(auditEvents.app, app)),
    orderBy: desc(auditEvents.createdAt),
    limit: LISTED,
  });
  return page(c, events, { by: { created_at: (event: AuditEvent) => event.createdAt }, order: 'desc' }, resource);
});

const resource = ({ id, createdAt, userId, email, method, path, app, fields, status, address }: AuditEvent) => ({
  id,
  created_at: createdAt,
  actor: { id: userId, email },
  request: { method, path, fields, ip_address: address },
  app,
  status,
});
