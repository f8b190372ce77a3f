import type * as Heroku from '@heroku-cli/schema';
import { eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { promotionTargets, slugs } from '../../schema/tables.ts';
import { type App, findApp } from '../platform/apps.ts';
import { database, now } from '../platform/database.ts';
import { ApiError, invalid, notFound } from '../platform/errors.ts';
import { currentRelease, type Release, type Slug } from '../platform/releases.ts';
import { releaseSlug } from '../platform/slug-release.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { couplingOf } from './pipeline-couplings.ts';
import { findPipeline, type Pipeline } from './pipelines.ts';
import { body } from './validate.ts';

/** Promotions: the slug that one app of a pipeline runs is released in others, with their own config vars. */
export const pipelinePromotions = new Hono<ApiContext>();

type Target = typeof promotionTargets.$inferSelect;

const MAX_TARGETS = 20;

const app = z.object({ app: z.object({ id: z.string() }) });
const creation = z.object({
  pipeline: z.object({ id: z.string() }),
  source: app,
  targets: z.array(app).min(1, 'name the apps to promote to').max(MAX_TARGETS),
});

/** Answers when every target has its release, or has failed to. */
pipelinePromotions.post('/pipeline-promotions', async (c) => {
  const asked = await body(c, creation);
  const pipeline = await findPipeline(c, asked.pipeline.id);
  const source = await memberOf(c, pipeline, asked.source.app.id, 'source.app.id');
  const apps = await Promise.all(
    asked.targets.map((target, i) => memberOf(c, pipeline, target.app.id, `targets.${i}.app.id`)),
  );
  if (new Set([source, ...apps].map(({ id }) => id)).size <= apps.length) {
    throw invalid(`targets: each app once, and ${source.name} is where the slug comes from.`);
  }
  const db = database(c.env.DB);
  const release = await currentRelease(db, source.id);
  const slug = release.slugId && (await db.query.slugs.findFirst({ where: eq(slugs.id, release.slugId) }));
  if (!slug) throw invalid(`source.app.id: nothing was deployed to ${source.name} yet.`);

  const promotionId = crypto.randomUUID();
  const rows = apps.map((target): Target => {
    const of = { promotionId, pipelineId: pipeline.id, sourceAppId: source.id, sourceReleaseId: release.id };
    const pending = { status: 'pending', releaseId: null, error: null, createdAt: now() } as const;
    return { id: crypto.randomUUID(), ...of, appId: target.id, ...pending };
  });
  await db.insert(promotionTargets).values(rows);
  const order = {
    slug,
    description: `Promote ${source.name} v${release.version} ${slug.commit?.slice(0, 8) ?? ''}`.trim(),
  };
  const done = await Promise.all(apps.map((target, i) => promote(c, target, rows[i]?.id ?? '', order)));
  const ended = rows.map((row, i): Target => ({ ...row, ...done[i] }));
  return c.json(promotionResource(ended), 201);
});

pipelinePromotions.get('/pipeline-promotions/:promotion', async (c) => c.json(promotionResource(await find(c))));

pipelinePromotions.get('/pipeline-promotions/:promotion/promotion-targets', async (c) => {
  const by = { id: (target: Target) => target.id };
  return page(c, await find(c), { by }, targetResource);
});

type Outcome = Pick<Target, 'status' | 'releaseId' | 'error'>;

async function promote(
  c: Context<ApiContext>,
  target: App,
  id: string,
  { slug, description }: { slug: Slug; description: string },
): Promise<Outcome> {
  const outcome = await releaseSlug(c.env, { app: target, userId: c.get('user').id, slug, description }).then(
    (release: Release): Outcome => ({ status: 'succeeded', releaseId: release.id, error: null }),
    (error: unknown): Outcome => {
      if (error instanceof ApiError) return { status: 'failed', releaseId: null, error: error.message };
      console.error(`A promotion to ${target.name} failed:`, error);
      return { status: 'failed', releaseId: null, error: 'The platform failed to do this. Its log says more.' };
    },
  );
  await database(c.env.DB).update(promotionTargets).set(outcome).where(eq(promotionTargets.id, id));
  return outcome;
}

/** @throws ApiError 404 for an app that the caller may not see, 422 for one that is not in the pipeline */
async function memberOf(c: Context<ApiContext>, pipeline: Pipeline, id: string, field: string): Promise<App> {
  const member = await findApp(c.env, c.get('user').id, id);
  if ((await couplingOf(c, member.id))?.pipelineId === pipeline.id) return member;
  throw invalid(`${field}: ${member.name} is not in the pipeline ${pipeline.name}.`);
}

/** @throws ApiError 404 */
async function find(c: Context<ApiContext>): Promise<Target[]> {
  const targets = await database(c.env.DB).query.promotionTargets.findMany({
    where: eq(promotionTargets.promotionId, c.req.param('promotion') ?? ''),
  });
  const [first] = targets;
  if (!first) throw notFound('pipeline promotion');
  await findPipeline(c, first.pipelineId).catch(() => {
    throw notFound('pipeline promotion');
  });
  return targets;
}

function promotionResource(targets: Target[]) {
  const [first] = targets;
  if (!first) throw new Error('A promotion has a target.');
  return {
    id: first.promotionId,
    created_at: first.createdAt,
    pipeline: { id: first.pipelineId },
    source: { app: { id: first.sourceAppId }, release: { id: first.sourceReleaseId } },
    status: targets.some(({ status }) => status === 'pending') ? 'pending' : 'completed',
    updated_at: first.createdAt,
  } satisfies Resource<Heroku.PipelinePromotion>;
}

const targetResource = ({ id, promotionId, appId, releaseId, status, error }: Target) => ({
  id,
  app: { id: appId },
  error_message: error,
  pipeline_promotion: { id: promotionId },
  release: releaseId && { id: releaseId },
  status,
});
