import { and, eq, lt } from 'drizzle-orm';
import type { MiddlewareHandler } from 'hono';
import { idempotencyKeys } from '../../schema/tables.ts';
import { sha256 } from '../platform/bytes.ts';
import { database, isUniqueViolation, now } from '../platform/database.ts';
import { ApiError, invalid } from '../platform/errors.ts';
import type { ApiContext } from './auth.ts';

/** How long a key is remembered. Milliseconds. */
const REMEMBERED_MS = 24 * 3600 * 1000;

/** A request that has not answered for so long has ended with its process. Milliseconds. */
const LOST_MS = 60_000;

const MAX_KEY = 255;

/** What these answer is a secret, and is not kept; git has no keys, and bodies of any size. */
const LEFT_OUT = /^\/(oauth|users|sources)(\/|$)|^\/[^/]+\.git\//;

/**
 * Lets a client send a `POST` again that it does not know the end of: with the same `Idempotency-Key` it is done once,
 * and answered with the first answer.
 */
export const idempotency: MiddlewareHandler<ApiContext> = async (c, next) => {
  const key = c.req.header('idempotency-key');
  if (key === undefined || c.req.method !== 'POST' || LEFT_OUT.test(c.req.path)) return next();
  if (key === '' || key.length > MAX_KEY) throw invalid(`Idempotency-Key: 1 to ${MAX_KEY} characters.`);
  const db = database(c.env.DB);
  const userId = c.get('user').id;
  const fingerprint = await sha256(`${c.req.path}\n${await c.req.text()}`);
  const row = { userId, key, fingerprint, status: null, body: null, createdAt: now() };
  const mine = and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key));

  await db.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, ago(REMEMBERED_MS)));
  const taken = await db
    .insert(idempotencyKeys)
    .values(row)
    .then(
      () => false,
      (error: unknown) => {
        if (isUniqueViolation(error, 'idempotency_keys')) return true;
        throw error;
      },
    );
  if (taken) {
    const known = await db.query.idempotencyKeys.findFirst({ where: mine });
    if (known && known.fingerprint !== fingerprint) {
      throw invalid('Idempotency-Key: this key was used for another request.');
    }
    if (known?.status && known.body !== null) {
      return new Response(known.body, {
        status: known.status,
        headers: { 'content-type': 'application/json', 'idempotent-replayed': 'true' },
      });
    }
    if (known && known.createdAt > ago(LOST_MS)) {
      throw new ApiError(409, 'conflict', 'A request with this Idempotency-Key has not been answered yet.');
    }
  }
  try {
    await next();
  } finally {
    // What failed may be tried again.
    if (c.error || !c.res.ok) await db.delete(idempotencyKeys).where(mine);
  }
  if (c.res.ok) {
    await db
      .update(idempotencyKeys)
      .set({ status: c.res.status, body: await c.res.clone().text() })
      .where(mine);
  }
};

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
