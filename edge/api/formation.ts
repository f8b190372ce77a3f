import { and, asc, eq, or } from 'drizzle-orm';
import { Hono } from 'hono';
import * as z from 'zod';
import { formation as formationTable } from '../../schema/tables.ts';
import type { App } from '../platform/apps.ts';
import { type Database, database, now } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { announce, nextRevision } from '../platform/routes.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { body } from './validate.ts';

export const formation = new Hono<ApiContext>();

type Row = typeof formationTable.$inferSelect;

const change = z.object({
  // `heroku ps:scale` sends the number as a text.
  quantity: z.coerce.number().int().min(0).max(100).optional(),
  size: z.string().optional(),
  dyno_size: z.unknown().optional(),
});
const batch = z.object({ updates: z.array(change.extend({ type: z.string() })).min(1) });

formation.get('/apps/:app/formation', async (c) => {
  const app = await appOf(c);
  return c.json((await list(database(c.env.DB), app)).map((row) => formationResource(app, row)));
});

formation.get('/apps/:app/formation/:type', async (c) => {
  const app = await appOf(c);
  return c.json(formationResource(app, await find(database(c.env.DB), app, c.req.param('type'))));
});

formation.patch('/apps/:app/formation', async (c) => {
  const app = await appOf(c);
  const { updates } = await body(c, batch);
  const db = database(c.env.DB);
  const rows = await Promise.all(
    updates.map(async ({ type, quantity }) => changed(await find(db, app, type), quantity)),
  );
  await save(db, app, rows);
  await announce(c.env, app.id);
  return c.json(rows.map((row) => formationResource(app, row)));
});

formation.patch('/apps/:app/formation/:type', async (c) => {
  const app = await appOf(c);
  const { quantity } = await body(c, change);
  const db = database(c.env.DB);
  const row = changed(await find(db, app, c.req.param('type')), quantity);
  await save(db, app, [row]);
  await announce(c.env, app.id);
  return c.json(formationResource(app, row));
});

const list = (db: Database, app: App): Promise<Row[]> =>
  db.query.formation.findMany({ where: eq(formationTable.appId, app.id), orderBy: asc(formationTable.type) });

/** @param type the process type's name, or the row's id */
async function find(db: Database, app: App, type: string): Promise<Row> {
  const row = await db.query.formation.findFirst({
    where: and(eq(formationTable.appId, app.id), or(eq(formationTable.type, type), eq(formationTable.id, type))),
  });
  if (!row) throw notFound('process type');
  return row;
}

const changed = (row: Row, quantity = row.quantity): Row => ({ ...row, quantity, updatedAt: now() });

async function save(db: Database, app: App, rows: Row[]): Promise<void> {
  await db.batch([
    nextRevision(db, app.id),
    ...rows.map(({ id, quantity, updatedAt }) =>
      db.update(formationTable).set({ quantity, updatedAt }).where(eq(formationTable.id, id)),
    ),
  ]);
}

function formationResource(app: App, row: Row) {
  return {
    id: row.id,
    app: { id: app.id, name: app.name },
    command: row.command,
    created_at: row.createdAt,
    dyno_size: { name: row.size },
    quantity: row.quantity,
    size: row.size,
    type: row.type,
    updated_at: row.updatedAt,
  };
}
