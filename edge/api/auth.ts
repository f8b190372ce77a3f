import { eq } from 'drizzle-orm';
import type { MiddlewareHandler } from 'hono';
import { tokens, users } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { secretsEqual, sha256 } from '../platform/bytes.ts';
import { database, now } from '../platform/database.ts';
import { ApiError } from '../platform/errors.ts';

export type User = typeof users.$inferSelect;

/** What every route of the API finds in its context. */
export interface ApiContext {
  Bindings: Env;
  Variables: { user: User };
}

/** The operator: the user whom `API_KEY` belongs to. */
const OPERATOR_EMAIL = 'admin@islet.local';

/**
 * Lets in who shows a token, as `Authorization: Bearer <token>` or as the password of Basic (RFC 7617; any user name),
 * and puts its user into the context.
 * @throws ApiError 401
 */
export const authenticate: MiddlewareHandler<ApiContext> = async (c, next) => {
  const token = tokenOf(c.req.header('authorization'));
  const user = token && (await userOf(c.env, token));
  if (!user) throw new ApiError(401, 'unauthorized', 'Invalid credentials provided.');
  c.set('user', user);
  await next();
};

function tokenOf(header = ''): string | undefined {
  const [scheme, value = ''] = header.split(' ', 2);
  if (/^bearer$/i.test(scheme ?? '')) return value;
  if (!/^basic$/i.test(scheme ?? '')) return undefined;
  try {
    const [, password] = atob(value).split(/:(.*)/s);
    return password;
  } catch {
    return undefined;
  }
}

async function userOf(env: Env, token: string): Promise<User | undefined> {
  const db = database(env.DB);
  const [found] = await db
    .select({ user: users })
    .from(tokens)
    .innerJoin(users, eq(users.id, tokens.userId))
    .where(eq(tokens.hash, await sha256(token)));
  if (found) return found.user;
  return (await secretsEqual(token, env.API_KEY)) ? operator(env) : undefined;
}

/** The operator's user, made when first asked for. */
async function operator(env: Env): Promise<User | undefined> {
  const db = database(env.DB);
  const find = () => db.query.users.findFirst({ where: eq(users.email, OPERATOR_EMAIL) });
  const known = await find();
  if (known) return known;
  const createdAt = now();
  const user = { id: crypto.randomUUID(), email: OPERATOR_EMAIL, name: 'Operator', createdAt, updatedAt: createdAt };
  await db.insert(users).values(user).onConflictDoNothing();
  return find();
}
