import type * as Heroku from '@heroku-cli/schema';
import { and, eq, isNull, or } from 'drizzle-orm';
import { Hono } from 'hono';
import * as z from 'zod';
import { collaborators as collaboratorsTable, users } from '../../schema/tables.ts';
import type { App } from '../platform/apps.ts';
import { type Database, database, isUniqueViolation, now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { appOf, ownAppOf } from './apps.ts';
import type { ApiContext, User } from './auth.ts';
import type { Resource } from './heroku.ts';
import { body } from './validate.ts';

export const collaborators = new Hono<ApiContext>();

/** A user by e-mail address or id, with Heroku's `silent`, which has no meaning here: nobody is written to. */
const invitation = z.object({ user: z.string(), silent: z.boolean().nullish() });

collaborators.get('/apps/:app/collaborators', async (c) => {
  const app = await appOf(c);
  const db = database(c.env.DB);
  const [owner, shared] = await Promise.all([
    db.query.users.findFirst({ where: eq(users.id, app.ownerId) }),
    list(db, app),
  ]);
  const rows = shared.map(({ row, user }) => resource(app, row, user, 'collaborator'));
  const first = owner ? [resource(app, { id: app.id, createdAt: app.createdAt }, owner, 'owner')] : [];
  return c.json([...first, ...rows]);
});

collaborators.post('/apps/:app/collaborators', async (c) => {
  const app = await ownAppOf(c);
  const db = database(c.env.DB);
  const { user: asked } = await body(c, invitation);
  const user = await db.query.users.findFirst({
    where: and(isNull(users.deactivatedAt), or(eq(users.email, asked.toLowerCase()), eq(users.id, asked))),
  });
  if (!user) throw invalid(`There is no user ${asked}. The operator makes users: POST /users.`);
  if (user.id === app.ownerId) throw invalid(`${user.email} owns ${app.name} already.`);
  const row = { id: crypto.randomUUID(), appId: app.id, userId: user.id, createdAt: now() };
  try {
    await db.insert(collaboratorsTable).values(row);
  } catch (error) {
    if (isUniqueViolation(error, 'collaborators.user_id')) throw invalid(`${user.email} is a collaborator already.`);
    throw error;
  }
  return c.json(resource(app, row, user, 'collaborator'), 201);
});

collaborators.delete('/apps/:app/collaborators/:collaborator', async (c) => {
  const app = await appOf(c);
  const db = database(c.env.DB);
  const asked = c.req.param('collaborator');
  const found = (await list(db, app)).find(({ row, user }) => [row.id, user.id, user.email].includes(asked));
  // Whoever is not the owner may only leave.
  if (!found || (found.user.id !== c.get('user').id && app.ownerId !== c.get('user').id))
    throw notFound('collaborator');
  await db.delete(collaboratorsTable).where(eq(collaboratorsTable.id, found.row.id));
  return c.json(resource(app, found.row, found.user, 'collaborator'));
});

const list = (db: Database, app: App) =>
  db
    .select({ row: collaboratorsTable, user: users })
    .from(collaboratorsTable)
    .innerJoin(users, eq(users.id, collaboratorsTable.userId))
    .where(eq(collaboratorsTable.appId, app.id));

function resource(app: App, row: { id: string; createdAt: string }, user: User, role: 'owner' | 'collaborator') {
  return {
    id: row.id,
    app: { id: app.id, name: app.name },
    created_at: row.createdAt,
    permissions: (role === 'owner' ? ['deploy', 'manage', 'operate', 'view'] : ['deploy', 'operate', 'view']).map(
      (name) => ({ name, description: name }),
    ),
    role,
    updated_at: row.createdAt,
    user: { id: user.id, email: user.email, federated: false },
  } satisfies Resource<Heroku.Collaborator>;
}
