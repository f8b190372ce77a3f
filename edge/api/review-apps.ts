import type * as Heroku from '@heroku-cli/schema';
import { and, eq, isNotNull } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { appSetups, apps, pipelineCouplings } from '../../schema/tables.ts';
import type { AppSetup } from '../platform/app-setups.ts';
import { deleteApp } from '../platform/apps.ts';
import { database, now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { setUp, sourceBlob } from './app-setups.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { findPipeline, own, pipelineOf } from './pipelines.ts';
import { body } from './validate.ts';

/**
 * Apps of a branch, to be looked at: in a pipeline, in the stage `review`, by the `environments.review` of their app.json.
 * Heroku makes them of pull requests, too, which Islet has no part in.
 */
export const reviewApps = new Hono<ApiContext>();

const creation = z.object({
  branch: z.string().min(1).max(255),
  pipeline: z.string(),
  source_blob: sourceBlob,
  environment: z.record(z.string(), z.string()).nullish(),
  pr_number: z.int().positive().nullish(),
});

reviewApps.post('/review-apps', async (c) => {
  const { branch, pipeline: asked, source_blob, environment, pr_number } = await body(c, creation);
  const pipeline = own(c, await findPipeline(c, asked));
  const setup = await setUp(c, {
    name: undefined,
    blob: source_blob,
    env: {
      ...environment,
      HEROKU_BRANCH: branch,
      ...(pr_number && { HEROKU_PR_NUMBER: String(pr_number) }),
    },
    review: { pipelineId: pipeline.id, branch, prNumber: pr_number ?? null },
  });
  const at = now();
  await database(c.env.DB).insert(pipelineCouplings).values({
    id: crypto.randomUUID(),
    pipelineId: pipeline.id,
    appId: setup.appId,
    stage: 'review',
    createdAt: at,
    updatedAt: at,
  });
  return c.json(resource(setup), 201);
});

reviewApps.get('/pipelines/:pipeline/review-apps', async (c) => {
  const pipeline = await pipelineOf(c);
  const setups = await database(c.env.DB).query.appSetups.findMany({ where: eq(appSetups.pipelineId, pipeline.id) });
  const by = { created_at: (setup: AppSetup) => setup.createdAt, id: (setup: AppSetup) => setup.id };
  return page(c, setups, { by }, resource);
});

reviewApps.get('/review-apps/:reviewApp', async (c) => c.json(resource(await find(c))));

/** The app goes with it. */
reviewApps.delete('/review-apps/:reviewApp', async (c) => {
  const setup = await find(c);
  const app = await database(c.env.DB).query.apps.findFirst({ where: eq(apps.id, setup.appId) });
  if (app) await deleteApp(c.env, app);
  return c.json({ ...resource(setup), status: 'deleted' });
});

reviewApps.get('/apps/:app/review-app', async (c) => {
  const app = await appOf(c);
  const setup = await database(c.env.DB).query.appSetups.findFirst({
    where: and(eq(appSetups.appId, app.id), isNotNull(appSetups.pipelineId)),
  });
  if (!setup) throw notFound('review app');
  return c.json(resource(setup));
});

const GITHUB =
  'Review apps follow pull requests on GitHub, which Islet is not connected to. POST /review-apps makes one of an archive; or create an app, add it to the pipeline in the stage review, and push the branch to it.';

reviewApps.get('/pipelines/:pipeline/review-app-config', async (c) => {
  await pipelineOf(c);
  throw notFound('review app config');
});

reviewApps.on(['POST', 'PATCH', 'DELETE'], '/pipelines/:pipeline/review-app-config', async (c) => {
  await pipelineOf(c);
  throw invalid(GITHUB);
});

reviewApps.on('GET', ['/pipelines/:pipeline/repo', '/pipelines/:pipeline/repo/*'], async (c) => {
  await pipelineOf(c);
  throw invalid(GITHUB);
});

/** @throws ApiError 404 for one that is not the caller's */
async function find(c: Context<ApiContext>): Promise<AppSetup> {
  const setup = await database(c.env.DB).query.appSetups.findFirst({
    where: and(
      eq(appSetups.id, c.req.param('reviewApp') ?? ''),
      eq(appSetups.userId, c.get('user').id),
      isNotNull(appSetups.pipelineId),
    ),
  });
  if (!setup) throw notFound('review app');
  return setup;
}

/** Heroku's words for how far it is. */
const statuses = { pending: 'creating', succeeded: 'created', failed: 'errored' } as const;

const resource = (setup: AppSetup) =>
  ({
    id: setup.id,
    app: { id: setup.appId },
    app_setup: { id: setup.id },
    branch: setup.branch ?? '',
    created_at: setup.createdAt,
    creator: { id: setup.userId },
    error_status: setup.status === 'failed' ? 'setup_failed' : null,
    fork_repo: null,
    message: setup.failure,
    pipeline: { id: setup.pipelineId ?? '' },
    pr_number: setup.prNumber,
    status: statuses[setup.status],
    updated_at: setup.updatedAt,
    wait_for_ci: false,
  }) satisfies Resource<Heroku.ReviewApp, 'error_status' | 'fork_repo' | 'message' | 'pr_number'>;
