import type * as Heroku from '@heroku-cli/schema';
import { and, eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { apps, builds, appSetups as setupsTable } from '../../schema/tables.ts';
import { configOf, readAppManifest } from '../platform/app-manifest.ts';
import type { AppSetup } from '../platform/app-setups.ts';
import { createApp, deleteApp } from '../platform/apps.ts';
import { readBuildpack } from '../platform/buildpacks.ts';
import { checksum } from '../platform/checksum.ts';
import { database, now } from '../platform/database.ts';
import { dynoSize } from '../platform/dyno-sizes.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { createRelease } from '../platform/releases.ts';
import { readRootFile } from '../platform/source-archive.ts';
import { appUrl } from '../platform/urls.ts';
import type { ApiContext } from './auth.ts';
import { outputUrl } from './builds.ts';
import { mergeConfig } from './config-vars.ts';
import type { Resource } from './heroku.ts';
import { ownSource } from './sources.ts';
import { body } from './validate.ts';

/** Apps made of a source with an app.json: what a "deploy" button does. */
export const appSetups = new Hono<ApiContext>();

export const sourceBlob = z.object({
  url: z.url({ protocol: /^https?$/, error: 'must be an https URL' }),
  version: z.string().max(1024).nullish(),
  checksum: checksum.nullish(),
});

const creation = z.object({
  app: z.object({ name: z.string().nullish() }).nullish(),
  source_blob: sourceBlob,
  overrides: z
    .object({
      env: z.record(z.string(), z.string()).nullish(),
      buildpacks: z.array(z.object({ url: z.string() })).nullish(),
    })
    .nullish(),
});

appSetups.post('/app-setups', async (c) => {
  const { app, source_blob, overrides } = await body(c, creation);
  const setup = await setUp(c, {
    name: app?.name ?? undefined,
    blob: source_blob,
    env: overrides?.env ?? {},
    buildpacks: overrides?.buildpacks?.map(({ url }) => url),
  });
  return c.json(await resource(c, setup), 202);
});

appSetups.get('/app-setups/:setup', async (c) => {
  const setup = await database(c.env.DB).query.appSetups.findFirst({
    where: and(eq(setupsTable.id, c.req.param('setup')), eq(setupsTable.userId, c.get('user').id)),
  });
  if (!setup) throw notFound('app setup');
  return c.json(await resource(c, setup));
});

export interface SetupRequest {
  /** Made up by default. */
  name: string | undefined;
  blob: z.infer<typeof sourceBlob>;
  /** Config vars, which come before those of app.json. */
  env: Record<string, string>;
  /** In the place of those of app.json. */
  buildpacks?: string[];
  /** What makes it a review app. */
  review?: { pipelineId: string; branch: string; prNumber: number | null };
}

/**
 * Makes an app of a source, and queues its build; the rest follows from that.
 *
 * @throws ApiError 422 when the source or its app.json will not do; nothing is left then
 */
export async function setUp(c: Context<ApiContext>, request: SetupRequest): Promise<AppSetup> {
  const { blob, review } = request;
  const userId = c.get('user').id;
  const sourceId = await ownSource(c, blob.url);
  const text = await readRootFile(c.env, { id: sourceId, url: blob.url }, 'app.json');
  if (text === undefined && !review) throw invalid('source_blob.url: the archive has no app.json at its root.');
  const manifest = readAppManifest(text ?? '{}', review && 'review');
  if (manifest.addons.length > 0) {
    throw invalid('app.json: addons: Islet has no add-ons. Run the service elsewhere and set its URL as a config var.');
  }
  const config = configOf(manifest, request.env);
  // What cannot be is told before anything is made.
  mergeConfig({}, config);
  for (const { size } of Object.values(manifest.formation)) if (size !== undefined) dynoSize(size);
  const named = request.buildpacks ?? manifest.buildpacks?.map(({ url }) => url) ?? [];
  const buildpacks = named.map((name, at) => readBuildpack(name, `buildpacks.${at}`));

  const app = await createApp(c.env, userId, request.name);
  const createdAt = now();
  const setup: AppSetup = {
    id: crypto.randomUUID(),
    appId: app.id,
    userId,
    buildId: crypto.randomUUID(),
    status: 'pending',
    failure: null,
    formation: manifest.formation,
    postdeploy: manifest.scripts.postdeploy ?? null,
    output: null,
    exitCode: null,
    successUrl: manifest.success_url ?? null,
    pipelineId: review?.pipelineId ?? null,
    branch: review?.branch ?? null,
    prNumber: review?.prNumber ?? null,
    createdAt,
    updatedAt: createdAt,
  };
  try {
    const db = database(c.env.DB);
    await db.update(apps).set({ buildpacks }).where(eq(apps.id, app.id));
    if (Object.keys(config).length > 0) {
      const description = `Set ${Object.keys(config).join(', ')} config vars`;
      await createRelease(c.env, {
        appId: app.id,
        userId,
        description,
        config: (before) => mergeConfig(before, config),
      });
    }
    await db.insert(setupsTable).values(setup);
    await c.env.BUILD_QUEUE.get(c.env.BUILD_QUEUE.idFromName(app.id)).enqueue({
      id: setup.buildId,
      app: { id: app.id, name: app.name },
      userId,
      source: {
        type: 'blob',
        url: blob.url,
        id: sourceId,
        checksum: blob.checksum ?? null,
        version: blob.version || null,
        description: null,
      },
      buildpacks,
    });
  } catch (error) {
    await deleteApp(c.env, app);
    throw error;
  }
  return setup;
}

async function resource(c: Context<ApiContext>, setup: AppSetup) {
  const db = database(c.env.DB);
  const [app, build] = await Promise.all([
    db.query.apps.findFirst({ where: eq(apps.id, setup.appId) }),
    db.query.builds.findFirst({ where: eq(builds.id, setup.buildId) }),
  ]);
  return {
    id: setup.id,
    app: { id: setup.appId, name: app?.name ?? '' },
    build: {
      id: setup.buildId,
      output_stream_url: await outputUrl(c, setup.appId, setup.buildId),
      status: build?.status ?? 'pending',
    },
    created_at: setup.createdAt,
    failure_message: setup.failure,
    manifest_errors: [],
    postdeploy: setup.exitCode === null ? null : { exit_code: setup.exitCode, output: setup.output ?? '' },
    resolved_success_url: app ? successUrl(setup, appUrl(c.env, app.name)) : null,
    status: setup.status,
    updated_at: setup.updatedAt,
  } satisfies Resource<Heroku.AppSetup, 'failure_message' | 'postdeploy' | 'resolved_success_url'>;
}

/** A path is one of the app's. */
function successUrl({ successUrl }: AppSetup, base: string): string | null {
  const url = successUrl === null ? null : URL.parse(successUrl, base);
  return url && /^https?:$/.test(url.protocol) ? url.href : base;
}
