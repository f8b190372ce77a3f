import type * as Heroku from '@heroku-cli/schema';
import { and, eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { builds as buildsTable, releases, users } from '../../schema/tables.ts';
import { deletePrefix } from '../platform/bucket.ts';
import { buildpackResource, readBuildpack } from '../platform/buildpacks.ts';
import { cachePrefix } from '../platform/caches.ts';
import { checksum } from '../platform/checksum.ts';
import { database } from '../platform/database.ts';
import { ApiError, invalid, notFound } from '../platform/errors.ts';
import { liveText } from '../platform/live-text.ts';
import { isSigned, laterDay, signUrl } from '../platform/signed-url.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { ownSource } from './sources.ts';
import { stack } from './stack.ts';
import { body } from './validate.ts';

export const builds = new Hono<ApiContext>();

/** Opened by the output_stream_url of a build alone: the URL is the permission. */
export const buildOutput = new Hono<ApiContext>();

const create = z.object({
  source_blob: z.object({
    url: z.url({ protocol: /^https?$/, error: 'must be an https URL' }),
    version: z.string().max(1024).nullish(),
    version_description: z.string().max(1024).nullish(),
    checksum: checksum.nullish(),
  }),
  buildpacks: z
    .array(z.object({ url: z.string().optional(), name: z.string().optional() }))
    .max(20)
    .nullish(),
});

const select = (c: Context<ApiContext>) =>
  database(c.env.DB)
    .select({ build: buildsTable, user: users, release: { id: releases.id } })
    .from(buildsTable)
    .innerJoin(users, eq(users.id, buildsTable.userId))
    .leftJoin(releases, eq(releases.buildId, buildsTable.id));

type Row = Awaited<ReturnType<typeof select>>[number];

builds.get('/apps/:app/builds', async (c) => {
  const app = await appOf(c);
  const rows = await select(c).where(and(eq(buildsTable.appId, app.id), eq(buildsTable.kind, 'source')));
  const by = { created_at: ({ build }: Row) => build.createdAt, id: ({ build }: Row) => build.id };
  return page(c, rows, { by }, (row) => buildResource(c, row));
});

/** A build of an archive: one uploaded to a source, or one that anyone can fetch. */
builds.post('/apps/:app/builds', async (c) => {
  const app = await appOf(c);
  const { source_blob: blob, buildpacks } = await body(c, create);
  const chosen = (buildpacks ?? []).map(({ url, name }, at) => readBuildpack(url ?? name ?? '', `buildpacks.${at}`));
  const id = crypto.randomUUID();
  await queueOf(c, app.id).enqueue({
    id,
    app: { id: app.id, name: app.name },
    userId: c.get('user').id,
    source: {
      type: 'blob',
      url: blob.url,
      id: await ownSource(c, blob.url),
      checksum: blob.checksum ?? null,
      version: blob.version || null,
      description: blob.version_description ?? null,
    },
    buildpacks: chosen.length > 0 ? chosen : app.buildpacks,
  });
  return c.json(await buildResource(c, await find(c, app.id, id)), 201);
});

builds.get('/apps/:app/builds/:build', async (c) => {
  const app = await appOf(c);
  return c.json(await buildResource(c, await find(c, app.id, c.req.param('build'))));
});

/** Cancels a build: what `heroku builds:cancel` asks for. */
builds.delete('/apps/:app/builds/:build', async (c) => {
  const app = await appOf(c);
  const { build } = await find(c, app.id, c.req.param('build'));
  if (!(await queueOf(c, app.id).cancel(build.id))) {
    const { build: ended } = await find(c, app.id, build.id);
    const why = ended.status === 'pending' ? 'It is built and being released' : `It has ${ended.status}`;
    throw invalid(`Build ${build.id} cannot be cancelled any more: ${why}.`);
  }
  return c.json(await buildResource(c, await find(c, app.id, build.id)), 202);
});

/** Forgets what builds have left for the next: what `heroku builds:cache:purge` asks for. */
builds.delete('/apps/:app/build-cache', async (c) => {
  const app = await appOf(c);
  await deletePrefix(c.env.BUCKET, cachePrefix(app.id));
  return c.json({}, 202);
});

const OUTPUT = '/build-output';

buildOutput.get(`${OUTPUT}/:app/:build`, async (c) => {
  if (!(await isSigned(c.env.SECRET_KEY, 'GET', new URL(c.req.url)))) {
    throw new ApiError(403, 'forbidden', 'This URL has expired or is not whole. The build has a new one.');
  }
  const { app, build } = c.req.param();
  return liveText(await queueOf(c, app).output(build));
});

const queueOf = (c: Context<ApiContext>, appId: string) => c.env.BUILD_QUEUE.get(c.env.BUILD_QUEUE.idFromName(appId));

async function find(c: Context<ApiContext>, appId: string, id: string): Promise<Row> {
  const [row] = await select(c).where(
    and(eq(buildsTable.appId, appId), eq(buildsTable.id, id), eq(buildsTable.kind, 'source')),
  );
  if (!row) throw notFound('build');
  return row;
}

/** Where the output of a build is read, without a key. */
export const outputUrl = (c: Context<ApiContext>, appId: string, buildId: string): Promise<string> =>
  signUrl(c.env.SECRET_KEY, 'GET', new URL(`${OUTPUT}/${appId}/${buildId}`, c.req.url), laterDay());

async function buildResource(c: Context<ApiContext>, { build, user, release }: Row) {
  return {
    id: build.id,
    app: { id: build.appId },
    buildpacks: build.buildpacks.map(buildpackResource),
    created_at: build.createdAt,
    output_stream_url: await outputUrl(c, build.appId, build.id),
    release: release && { id: release.id },
    slug: build.slugId ? { id: build.slugId } : null,
    source_blob: {
      checksum: build.checksum,
      url: build.sourceUrl ?? '',
      version: build.commit,
      version_description: build.commitSubject,
    },
    stack: stack.name,
    status: build.status,
    updated_at: build.updatedAt,
    user: { id: user.id, email: user.email },
  } satisfies Resource<Heroku.Build, 'release' | 'slug'>;
}
