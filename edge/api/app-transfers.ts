import type * as Heroku from '@heroku-cli/schema';
import { and, eq, isNull, or } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { apps, collaborators, appTransfers as transfersTable, users } from '../../schema/tables.ts';
import { findApp } from '../platform/apps.ts';
import { database, now } from '../platform/database.ts';
import { ApiError, invalid, notFound } from '../platform/errors.ts';
import type { ApiContext, User } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

/** An owner offers an app to another user, who accepts or declines. */
export const appTransfers = new Hono<ApiContext>();

type Transfer = typeof transfersTable.$inferSelect;

const creation = z.object({ app: z.string(), recipient: z.string(), silent: z.boolean().nullish() });
const answer = z.object({ state: z.enum(['accepted', 'declined'], 'must be accepted or declined') });

appTransfers.get('/account/app-transfers', async (c) => {
  const { id } = c.get('user');
  const rows = await database(c.env.DB).query.appTransfers.findMany({
    where: or(eq(transfersTable.ownerId, id), eq(transfersTable.recipientId, id)),
  });
  const by = { created_at: (row: Transfer) => row.createdAt, id: (row: Transfer) => row.id };
  return page(c, rows, { by }, (row) => resource(c, row));
});

appTransfers.post('/account/app-transfers', async (c) => {
  const asked = await body(c, creation);
  const owner = c.get('user');
  const app = await findApp(c.env, owner.id, asked.app);
  if (app.ownerId !== owner.id) throw new ApiError(403, 'forbidden', `Only the owner of ${app.name} may do this.`);
  const db = database(c.env.DB);
  const recipient = await db.query.users.findFirst({
    where: and(
      isNull(users.deactivatedAt),
      or(eq(users.email, asked.recipient.toLowerCase()), eq(users.id, asked.recipient)),
    ),
  });
  if (!recipient) throw invalid(`recipient: there is no user ${asked.recipient}.`);
  if (recipient.id === owner.id) throw invalid(`recipient: you own ${app.name} already.`);
  const pending = and(eq(transfersTable.appId, app.id), eq(transfersTable.state, 'pending'));
  if (await db.query.appTransfers.findFirst({ where: pending })) {
    throw invalid(`app: a transfer of ${app.name} waits for its recipient already. Cancel it first.`);
  }
  const at = now();
  const row: Transfer = {
    id: crypto.randomUUID(),
    appId: app.id,
    ownerId: owner.id,
    recipientId: recipient.id,
    state: 'pending',
    createdAt: at,
    updatedAt: at,
  };
  await db.insert(transfersTable).values(row);
  return c.json(await resource(c, row), 201);
});

appTransfers.get('/account/app-transfers/:transfer', async (c) => c.json(await resource(c, await find(c))));

/** The recipient's answer. Whoever owned the app stays a collaborator of it. */
appTransfers.patch('/account/app-transfers/:transfer', async (c) => {
  const transfer = await find(c);
  const { state } = await body(c, answer);
  const { id: userId } = c.get('user');
  if (transfer.recipientId !== userId) throw new ApiError(403, 'forbidden', 'Only the recipient may do this.');
  if (transfer.state !== 'pending') throw invalid(`state: this transfer is ${transfer.state} already.`);
  const db = database(c.env.DB);
  const at = now();
  const { appId, ownerId } = transfer;
  const settle = db.update(transfersTable).set({ state, updatedAt: at }).where(eq(transfersTable.id, transfer.id));
  if (state === 'declined') await settle;
  else {
    await db.batch([
      settle,
      db
        .update(apps)
        .set({ ownerId: userId, updatedAt: at })
        .where(and(eq(apps.id, appId), eq(apps.ownerId, ownerId))),
      db.delete(collaborators).where(and(eq(collaborators.appId, appId), eq(collaborators.userId, userId))),
      db
        .insert(collaborators)
        .values({ id: crypto.randomUUID(), appId, userId: ownerId, createdAt: at })
        .onConflictDoNothing(),
    ]);
  }
  return c.json(await resource(c, { ...transfer, state, updatedAt: at }));
});

/** The owner's withdrawal. */
appTransfers.delete('/account/app-transfers/:transfer', async (c) => {
  const transfer = await find(c);
  if (transfer.ownerId !== c.get('user').id) throw new ApiError(403, 'forbidden', 'Only the owner may do this.');
  const withdrawn = await resource(c, transfer);
  await database(c.env.DB).delete(transfersTable).where(eq(transfersTable.id, transfer.id));
  return c.json(withdrawn);
});

/**
 * By its id, or of the app of that name, where it is pending.
 * @throws ApiError 404
 */
async function find(c: Context<ApiContext>): Promise<Transfer> {
  const asked = c.req.param('transfer') ?? '';
  const userId = c.get('user').id;
  const [found] = await database(c.env.DB)
    .select({ transfer: transfersTable })
    .from(transfersTable)
    .innerJoin(apps, eq(apps.id, transfersTable.appId))
    .where(
      and(
        or(eq(transfersTable.ownerId, userId), eq(transfersTable.recipientId, userId)),
        or(eq(transfersTable.id, asked), and(eq(apps.name, asked), eq(transfersTable.state, 'pending'))),
      ),
    );
  if (!found) throw notFound('app transfer');
  return found.transfer;
}

async function resource(c: Context<ApiContext>, row: Transfer) {
  const db = database(c.env.DB);
  const [app, owner, recipient] = await Promise.all([
    db.query.apps.findFirst({ where: eq(apps.id, row.appId) }),
    db.query.users.findFirst({ where: eq(users.id, row.ownerId) }),
    db.query.users.findFirst({ where: eq(users.id, row.recipientId) }),
  ]);
  const person = (user: User | undefined) => user && { id: user.id, email: user.email };
  return {
    id: row.id,
    app: app && { id: app.id, name: app.name },
    created_at: row.createdAt,
    owner: person(owner),
    recipient: person(recipient),
    state: row.state,
    updated_at: row.updatedAt,
  } satisfies Resource<Heroku.AppTransfer>;
}
