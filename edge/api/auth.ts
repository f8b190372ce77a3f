import { and, eq, gt, isNull, or } from 'drizzle-orm';
import type { MiddlewareHandler } from 'hono';
import { type Scope, tokens, users } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { secretsEqual, sha256 } from '../platform/bytes.ts';
import { clientAddress } from '../platform/client-address.ts';
import { database, now } from '../platform/database.ts';
import { ApiError } from '../platform/errors.ts';
import { countFailedLogin, loginWaitMs } from './login-limit.ts';
import { isAllowed } from './scopes.ts';

export type User = typeof users.$inferSelect;

/** What every route of the API finds in its context. */
export interface ApiContext {
  Bindings: Env;
  Variables: { user: User };
}

/** The operator: the user whom `API_KEY` belongs to. */
const OPERATOR_EMAIL = 'admin@islet.local';

export const isOperator = (user: User): boolean => user.email === OPERATOR_EMAIL;

/**
 * Lets in who shows a token, as `Authorization: Bearer <token>` or as the password of Basic (RFC 7617; any user name),
 * and puts its user into the context.
 * @throws ApiError 401 without a valid token, 403 when its scopes do not reach so far, 429 after too many failed logins
 */
export const authenticate: MiddlewareHandler<ApiContext> = async (c, next) => {
  const token = tokenOf(c.req.header('authorization'));
  // git asks without credentials first: that is no failed login.
  if (!token) throw new ApiError(401, 'unauthorized', 'Invalid credentials provided.');
  const login = { address: clientAddress(c.req.raw, c.env), token };
  const wait = Math.ceil((await loginWaitMs(login)) / 1000);
  if (wait > 0) {
    c.header('Retry-After', String(wait));
    throw new ApiError(429, 'rate_limit', `Too many failed logins from ${login.address}. Wait ${wait} seconds.`);
  }
  const found = await bearerOf(c.env, token);
  if (!found) {
    await countFailedLogin(login);
    throw new ApiError(401, 'unauthorized', 'Invalid credentials provided.');
  }
  if (!isAllowed(found.scope, c.req.method, c.req.path)) {
    throw new ApiError(403, 'forbidden', `This token's scope, ${found.scope.join(', ')}, does not allow this.`);
  }
  c.set('user', found.user);
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

/** Whose token it is, and what it lets do; undefined for one that is unknown or over. */
async function bearerOf(env: Env, token: string): Promise<{ user: User; scope: Scope[] } | undefined> {
  const [found] = await database(env.DB)
    .select({ user: users, scope: tokens.scope })
    .from(tokens)
    .innerJoin(users, eq(users.id, tokens.userId))
    .where(
      and(
        eq(tokens.hash, await sha256(token)),
        isNull(users.deactivatedAt),
        or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now())),
      ),
    );
  if (found) return found;
  const user = (await secretsEqual(token, env.API_KEY)) ? await operator(env) : undefined;
  return user && { user, scope: ['global'] };
}

/** The operator's user, made when first asked for. */
async function operator(env: Env): Promise<User | undefined> {
  const db = database(env.DB);
  const find = () => db.query.users.findFirst({ where: eq(users.email, OPERATOR_EMAIL) });
  const known = await find();
  if (known) return known;
  const createdAt = now();
  const user = {
    id: crypto.randomUUID(),
    email: OPERATOR_EMAIL,
    name: 'Operator',
    createdAt,
    updatedAt: createdAt,
    deactivatedAt: null,
  };
  await db.insert(users).values(user).onConflictDoNothing();
  return find();
}
