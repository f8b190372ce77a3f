import type * as Heroku from '@heroku-cli/schema';
import { and, eq, inArray, isNotNull, or } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import {
  apps,
  collaborators,
  pipelineCouplings as couplings,
  pipelines as pipelinesTable,
} from '../../schema/tables.ts';
import { database, isUniqueViolation, now } from '../platform/database.ts';
import { ApiError, invalid, notFound } from '../platform/errors.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

export const pipelines = new Hono<ApiContext>();

export type Pipeline = typeof pipelinesTable.$inferSelect;

/** Heroku's rule ("Platform API Reference", "Pipeline"): 3 to 30 characters, a letter first. */
const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/,
    'must be 3 to 30 lower-case letters, digits and dashes, a letter first and a letter or digit last',
  );
const owner = z.object({ id: z.string(), type: z.string() }).nullish();
const creation = z.object({ name, owner, generation: z.unknown().optional() });
const change = z.object({ name: name.optional() });

pipelines.get('/pipelines', async (c) => {
  const asked = c.req.query('eq[name]');
  const visible = await visiblePipelines(c);
  const by = { name: (pipeline: Pipeline) => pipeline.name, id: (pipeline: Pipeline) => pipeline.id };
  const wanted = visible.filter((pipeline) => asked === undefined || pipeline.name === asked);
  return page(c, wanted, { by }, resource);
});

pipelines.post('/pipelines', async (c) => {
  const asked = await body(c, creation);
  const userId = c.get('user').id;
  if (asked.owner && (asked.owner.type !== 'user' || asked.owner.id !== userId)) {
    throw invalid('owner: a pipeline is made for oneself; there are no teams here.');
  }
  const at = now();
  const row: Pipeline = { id: crypto.randomUUID(), name: asked.name, ownerId: userId, createdAt: at, updatedAt: at };
  await unlessTaken(asked.name, () => database(c.env.DB).insert(pipelinesTable).values(row));
  return c.json(resource(row), 201);
});

pipelines.get('/pipelines/:pipeline', async (c) => c.json(resource(await pipelineOf(c))));

pipelines.patch('/pipelines/:pipeline', async (c) => {
  const pipeline = own(c, await pipelineOf(c));
  const { name = pipeline.name } = await body(c, change);
  const set = { name, updatedAt: now() };
  const db = database(c.env.DB);
  await unlessTaken(name, () => db.update(pipelinesTable).set(set).where(eq(pipelinesTable.id, pipeline.id)));
  return c.json(resource({ ...pipeline, ...set }));
});

/** The apps in it stay. */
pipelines.delete('/pipelines/:pipeline', async (c) => {
  const pipeline = own(c, await pipelineOf(c));
  await database(c.env.DB).delete(pipelinesTable).where(eq(pipelinesTable.id, pipeline.id));
  return c.json(resource(pipeline));
});

/**
 * The pipeline that the path names.
 * @throws ApiError 404
 */
export const pipelineOf = (c: Context<ApiContext>): Promise<Pipeline> => findPipeline(c, c.req.param('pipeline') ?? '');

/**
 * The pipeline of that id or name, if the caller may see it.
 * @throws ApiError 404
 */
export async function findPipeline(c: Context<ApiContext>, asked: string): Promise<Pipeline> {
  const visible = await visiblePipelines(c);
  const pipeline = visible.find(({ id }) => id === asked) ?? visible.find((one) => one.name === asked);
  if (!pipeline) throw notFound('pipeline');
  return pipeline;
}

/** @throws ApiError 403 for whoever does not own it */
export function own(c: Context<ApiContext>, pipeline: Pipeline): Pipeline {
  if (pipeline.ownerId === c.get('user').id) return pipeline;
  throw new ApiError(403, 'forbidden', `Only the owner of the pipeline ${pipeline.name} may do this.`);
}

/** The pipelines that the caller owns, and those of the apps that the caller may see; one's own first. */
async function visiblePipelines(c: Context<ApiContext>): Promise<Pipeline[]> {
  const db = database(c.env.DB);
  const userId = c.get('user').id;
  const seen = db
    .select({ id: couplings.pipelineId })
    .from(couplings)
    .innerJoin(apps, eq(apps.id, couplings.appId))
    .leftJoin(collaborators, and(eq(collaborators.appId, apps.id), eq(collaborators.userId, userId)))
    .where(or(eq(apps.ownerId, userId), isNotNull(collaborators.id)));
  const found = await db.query.pipelines.findMany({
    where: or(eq(pipelinesTable.ownerId, userId), inArray(pipelinesTable.id, seen)),
  });
  return found.sort((a, b) => Number(b.ownerId === userId) - Number(a.ownerId === userId));
}

async function unlessTaken(name: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (isUniqueViolation(error, 'pipelines.name')) throw invalid(`name: you have a pipeline ${name} already.`);
    throw error;
  }
}

const resource = ({ id, name, ownerId, createdAt, updatedAt }: Pipeline) =>
  ({
    id,
    created_at: createdAt,
    generation: { id: 'cedar', name: 'cedar' },
    name,
    owner: { id: ownerId, type: 'user' },
    updated_at: updatedAt,
  }) satisfies Resource<Heroku.Pipeline, never, 'generation'>;
