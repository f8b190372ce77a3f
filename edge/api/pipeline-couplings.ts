import type * as Heroku from '@heroku-cli/schema';
import { eq, inArray } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { apps, pipelineCouplings as couplingsTable, pipelines, stages } from '../../schema/tables.ts';
import { findApp, visibleApps } from '../platform/apps.ts';
import { database, isUniqueViolation, now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { findPipeline, own, pipelineOf } from './pipelines.ts';
import { body } from './validate.ts';

/** Which app stands in which stage of a pipeline. */
export const pipelineCouplings = new Hono<ApiContext>();

export type Coupling = typeof couplingsTable.$inferSelect;

const stage = z.enum(stages, `must be one of ${stages.join(', ')}`);
const creation = z.object({ app: z.string(), pipeline: z.string(), stage });
const change = z.object({ stage: stage.optional() });

const by = { id: (coupling: Coupling) => coupling.id };

pipelineCouplings.get('/pipeline-couplings', async (c) =>
  page(c, await visible(c), { by }, (coupling) => resource(c, coupling)),
);

pipelineCouplings.get('/pipelines/:pipeline/pipeline-couplings', async (c) => {
  const pipeline = await pipelineOf(c);
  const all = await visible(c);
  return page(
    c,
    all.filter(({ pipelineId }) => pipelineId === pipeline.id),
    { by },
    (coupling) => resource(c, coupling),
  );
});

/** The coupling of an app: one object, as an app has one at most. */
pipelineCouplings.get('/apps/:app/pipeline-couplings', async (c) => {
  const app = await appOf(c);
  const coupling = await couplingOf(c, app.id);
  if (!coupling) throw notFound('pipeline coupling');
  return c.json(await resource(c, coupling));
});

pipelineCouplings.post('/pipeline-couplings', async (c) => {
  const asked = await body(c, creation);
  const pipeline = own(c, await findPipeline(c, asked.pipeline));
  const app = await findApp(c.env, c.get('user').id, asked.app);
  const at = now();
  const row: Coupling = {
    id: crypto.randomUUID(),
    pipelineId: pipeline.id,
    appId: app.id,
    stage: asked.stage,
    createdAt: at,
    updatedAt: at,
  };
  try {
    await database(c.env.DB).insert(couplingsTable).values(row);
  } catch (error) {
    if (isUniqueViolation(error, 'pipeline_couplings.app_id')) {
      throw invalid(`app: ${app.name} is in a pipeline already. Remove it from that first.`);
    }
    throw error;
  }
  return c.json(await resource(c, row), 201);
});

pipelineCouplings.get('/pipeline-couplings/:coupling', async (c) => c.json(await resource(c, await find(c))));

pipelineCouplings.patch('/pipeline-couplings/:coupling', async (c) => {
  const coupling = await find(c);
  const { stage = coupling.stage } = await body(c, change);
  const set = { stage, updatedAt: now() };
  await database(c.env.DB).update(couplingsTable).set(set).where(eq(couplingsTable.id, coupling.id));
  return c.json(await resource(c, { ...coupling, ...set }));
});

pipelineCouplings.delete('/pipeline-couplings/:coupling', async (c) => {
  const coupling = await find(c);
  await database(c.env.DB).delete(couplingsTable).where(eq(couplingsTable.id, coupling.id));
  return c.json(await resource(c, coupling));
});

/** The coupling of an app, by the app's id. */
export const couplingOf = (c: Context<ApiContext>, appId: string): Promise<Coupling | undefined> =>
  database(c.env.DB).query.pipelineCouplings.findFirst({ where: eq(couplingsTable.appId, appId) });

/** Those of the apps that the caller may see. */
async function visible(c: Context<ApiContext>): Promise<Coupling[]> {
  const db = database(c.env.DB);
  const coupled = db.select({ id: couplingsTable.appId }).from(couplingsTable);
  const seen = new Set((await visibleApps(c.env, c.get('user').id, inArray(apps.id, coupled))).map(({ id }) => id));
  return (await db.query.pipelineCouplings.findMany()).filter(({ appId }) => seen.has(appId));
}

/** @throws ApiError 404 */
async function find(c: Context<ApiContext>): Promise<Coupling> {
  const coupling = await database(c.env.DB).query.pipelineCouplings.findFirst({
    where: eq(couplingsTable.id, c.req.param('coupling') ?? ''),
  });
  if (!coupling) throw notFound('pipeline coupling');
  await findApp(c.env, c.get('user').id, coupling.appId).catch(() => {
    throw notFound('pipeline coupling');
  });
  return coupling;
}

async function resource(c: Context<ApiContext>, { id, appId, pipelineId, stage, createdAt, updatedAt }: Coupling) {
  const pipeline = await database(c.env.DB).query.pipelines.findFirst({ where: eq(pipelines.id, pipelineId) });
  return {
    id,
    app: { id: appId },
    created_at: createdAt,
    pipeline: { id: pipelineId, name: pipeline?.name ?? null },
    stage,
    updated_at: updatedAt,
  } satisfies Resource<Heroku.PipelineCoupling>;
}
