import { and, asc, eq, isNull, or } from 'drizzle-orm';
import { Hono } from 'hono';
import * as z from 'zod';
import { apps, collaborators, tokens, users as usersTable } from '../../schema/tables.ts';
import { database, now } from '../platform/database.ts';
import { ApiError, invalid, notFound } from '../platform/errors.ts';
import { createToken } from '../platform/tokens.ts';
import { type ApiContext, isOperator, type User } from './auth.ts';
import { body } from './validate.ts';

/** The platform's users, for its operator alone. Heroku has no such call: there, people sign up. */
export const users = new Hono<ApiContext>();

const creation = z.object({ email: z.email().max(254), name: z.string().max(255).nullish() });

users.use('/users', onlyOperator).use('/users/:user', onlyOperator);

users.get('/users', async (c) => {
  const active = await database(c.env.DB).query.users.findMany({
    where: isNull(usersTable.deactivatedAt),
    orderBy: asc(usersTable.email),
  });
  return c.json(active.map(resource));
});

/** Makes a user, or lets one back in; the answer alone has their API key. */
users.post('/users', async (c) => {
  const { email, name } = await body(c, creation);
  const db = database(c.env.DB);
  const at = now();
  const known = await db.query.users.findFirst({ where: eq(usersTable.email, email.toLowerCase()) });
  if (known && !known.deactivatedAt) throw invalid(`There is a user ${known.email} already.`);
  const user: User = {
    id: known?.id ?? crypto.randomUUID(),
    email: email.toLowerCase(),
    name: name ?? null,
    createdAt: known?.createdAt ?? at,
    updatedAt: at,
    deactivatedAt: null,
  };
  await db.insert(usersTable).values(user).onConflictDoUpdate({ target: usersTable.id, set: user });
  const { token } = await createToken(db, {
    userId: user.id,
    description: 'API key',
    scope: ['global'],
    expiresIn: null,
  });
  return c.json({ ...resource(user), api_key: token }, 201);
});

/** Lets a user go: their tokens and collaborations end. What they did stays in the history of the apps. */
users.delete('/users/:user', async (c) => {
  const db = database(c.env.DB);
  const asked = c.req.param('user');
  const user = await db.query.users.findFirst({
    where: and(isNull(usersTable.deactivatedAt), or(eq(usersTable.id, asked), eq(usersTable.email, asked))),
  });
  if (!user || isOperator(user)) throw notFound('user');
  const owned = await db.query.apps.findMany({ where: eq(apps.ownerId, user.id) });
  if (owned.length > 0) {
    throw invalid(`${user.email} still owns ${owned.map(({ name }) => name).join(', ')}. Delete those apps first.`);
  }
  await db.batch([
    db.delete(tokens).where(eq(tokens.userId, user.id)),
    db.delete(collaborators).where(eq(collaborators.userId, user.id)),
    db.update(usersTable).set({ deactivatedAt: now() }).where(eq(usersTable.id, user.id)),
  ]);
  return c.json(resource(user));
});

async function onlyOperator(c: { get(key: 'user'): User }, next: () => Promise<void>): Promise<void> {
  if (!isOperator(c.get('user'))) throw new ApiError(403, 'forbidden', 'Only the operator may do this.');
  await next();
}

const resource = ({ id, email, name, createdAt, updatedAt }: User) => ({
  id,
  email,
  name,
  created_at: createdAt,
  updated_at: updatedAt,
});
