import type * as Heroku from '@heroku-cli/schema';
import { and, eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { scopes, tokens } from '../../schema/tables.ts';
import { database } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { createToken, newToken, type Token } from '../platform/tokens.ts';
import type { ApiContext, User } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

/** Long-lived tokens of one's own: `heroku authorizations`. */
export const authorizations = new Hono<ApiContext>();

const creation = z.object({
  description: z.string().max(255).nullish(),
  /** Seconds. */
  expires_in: z.coerce.number().int().positive().nullish(),
  scope: z.array(z.enum(scopes)).min(1).nullish(),
  client: z.unknown().optional(),
});

const update = z.object({ description: z.string().max(255).nullish(), client: z.unknown().optional() });

authorizations.post('/oauth/authorizations', async (c) => {
  const { description, expires_in, scope } = await body(c, creation);
  const { row, token } = await createToken(database(c.env.DB), {
    userId: c.get('user').id,
    description: description ?? 'Long-lived user authorization',
    scope: scope ?? ['global'],
    expiresIn: expires_in ?? null,
  });
  return c.json(resource(row, c.get('user'), token), 201);
});

authorizations.get('/oauth/authorizations', async (c) => {
  const rows = await database(c.env.DB).query.tokens.findMany({ where: eq(tokens.userId, c.get('user').id) });
  const by = { created_at: (row: Token) => row.createdAt, id: (row: Token) => row.id };
  return page(c, rows, { by }, (row) => resource(row, c.get('user')));
});

authorizations.get('/oauth/authorizations/:id', async (c) => c.json(resource(await find(c), c.get('user'))));

authorizations.patch('/oauth/authorizations/:id', async (c) => {
  const row = await find(c);
  const { description } = await body(c, update);
  const changed = { ...row, description: description ?? row.description };
  await database(c.env.DB).update(tokens).set({ description: changed.description }).where(eq(tokens.id, row.id));
  return c.json(resource(changed, c.get('user')));
});

/** A new token in the place of the one that is revoked: `heroku authorizations:rotate`. */
authorizations.post('/oauth/authorizations/:id/actions/regenerate-tokens', async (c) => {
  const row = await find(c);
  const { hash, token } = await newToken();
  await database(c.env.DB).update(tokens).set({ hash }).where(eq(tokens.id, row.id));
  return c.json(resource(row, c.get('user'), token));
});

authorizations.delete('/oauth/authorizations/:id', async (c) => {
  const row = await find(c);
  await database(c.env.DB).delete(tokens).where(eq(tokens.id, row.id));
  return c.json(resource(row, c.get('user')));
});

async function find(c: Context<ApiContext>): Promise<Token> {
  const row = await database(c.env.DB).query.tokens.findFirst({
    where: and(eq(tokens.userId, c.get('user').id), eq(tokens.id, c.req.param('id') ?? '')),
  });
  if (!row) throw notFound('authorization');
  return row;
}

/** @param token its text, which only its making tells */
function resource(row: Token, user: User, token?: string) {
  const left = row.expiresAt && Math.max(0, Math.round((Date.parse(row.expiresAt) - Date.now()) / 1000));
  return {
    id: row.id,
    access_token: { id: row.id, expires_in: left || null, ...(token !== undefined && { token }) },
    client: null,
    created_at: row.createdAt,
    description: row.description,
    grant: null,
    refresh_token: null,
    scope: row.scope,
    session: null,
    updated_at: row.createdAt,
    user: { id: user.id, email: user.email, full_name: user.name },
  } satisfies Resource<Heroku.OAuthAuthorization, never, 'description' | 'session'>;
}
