import type * as Heroku from '@heroku-cli/schema';
import { and, asc, eq, or } from 'drizzle-orm';
import { Hono } from 'hono';
import * as z from 'zod';
import { formation as formationTable } from '../../schema/tables.ts';
import type { App } from '../platform/apps.ts';
import { type Database, database, now } from '../platform/database.ts';
import { dynoSize } from '../platform/dyno-sizes.ts';
import { ApiError, invalid } from '../platform/errors.ts';
import { announce, nextRevision } from '../platform/routes.ts';
import { RELEASE } from '../router/placement.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { body } from './validate.ts';

export const formation = new Hono<ApiContext>();

type Row = typeof formationTable.$inferSelect;

/** As many dynos as a process type may have on Heroku ("Limits", "Dyno scale"). */
const MAX_QUANTITY = 100;

const change = z.object({
  // `heroku ps:scale` sends a text: `2`, or `+1` and `-1` for that much more and less.
  quantity: z
    .union([z.int(), z.string().regex(/^[+-]?\d{1,4}$/, 'must be a number, or one with + or - before it')])
    .optional(),
  size: z.string().nullish(),
  dyno_size: z.object({ name: z.string().optional() }).nullish(),
});
type Change = z.infer<typeof change>;
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
    updates.map(async ({ type, ...update }) => changed(await find(db, app, type), update)),
  );
  await save(db, app, rows);
  await announce(c.env, app.id);
  return c.json(rows.map((row) => formationResource(app, row)));
});

formation.patch('/apps/:app/formation/:type', async (c) => {
  const app = await appOf(c);
  const update = await body(c, change);
  const db = database(c.env.DB);
  const row = changed(await find(db, app, c.req.param('type')), update);
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
  if (!row) throw new ApiError(404, 'not_found', `Couldn't find that process type (${type}).`);
  return row;
}

/** @throws ApiError 422 for a quantity or a size that will not do */
function changed(row: Row, { quantity, size, dyno_size }: Change): Row {
  const asked = size ?? dyno_size?.name;
  return {
    ...row,
    quantity: quantity === undefined ? row.quantity : quantityOf(row, quantity),
    size: asked === undefined ? row.size : dynoSize(asked).name,
    updatedAt: now(),
  };
}

function quantityOf({ type, quantity }: Row, asked: number | string): number {
  const wanted = /^[+-]/.test(String(asked)) && typeof asked === 'string' ? quantity + Number(asked) : Number(asked);
  if (wanted < 0 || wanted > MAX_QUANTITY) {
    throw invalid(`Cannot scale ${type} to ${wanted}: a process type has between 0 and ${MAX_QUANTITY} dynos.`);
  }
  if (type === RELEASE && wanted > 0) {
    throw invalid('Cannot scale release: it runs once, before each release.');
  }
  return wanted;
}

async function save(db: Database, app: App, rows: Row[]): Promise<void> {
  await db.batch([
    nextRevision(db, app.id),
    ...rows.map(({ id, quantity, size, updatedAt }) =>
      db.update(formationTable).set({ quantity, size, updatedAt }).where(eq(formationTable.id, id)),
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
  } satisfies Resource<Heroku.Formation, never, 'dyno_size'>;
}
