import type * as Heroku from '@heroku-cli/schema';
import { and, eq, or } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { releases as releasesTable, users } from '../../schema/tables.ts';
import type { App } from '../platform/apps.ts';
import { database } from '../platform/database.ts';
import { ApiError, invalid, notFound } from '../platform/errors.ts';
import { liveText } from '../platform/live-text.ts';
import { createRelease, currentRelease, releaseConfig } from '../platform/releases.ts';
import { isSigned, laterDay, signUrl } from '../platform/signed-url.ts';
import { releaseSlug } from '../platform/slug-release.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { findSlug } from './slugs.ts';
import { body } from './validate.ts';

export const releases = new Hono<ApiContext>();

/** Opened by the output_stream_url of a release alone: the URL is the permission. */
export const releaseOutput = new Hono<ApiContext>();

const OUTPUT = '/release-output';

releaseOutput.get(`${OUTPUT}/:app/:release`, async (c) => {
  if (!(await isSigned(c.env.SECRET_KEY, 'GET', new URL(c.req.url)))) {
    throw new ApiError(403, 'forbidden', 'This URL has expired or is not whole. The release has a new one.');
  }
  const { app, release } = c.req.param();
  return liveText(await c.env.BUILD_QUEUE.get(c.env.BUILD_QUEUE.idFromName(app)).releaseOutput(release));
});

const select = (c: Context<ApiContext>) =>
  database(c.env.DB)
    .select({ release: releasesTable, user: users })
    .from(releasesTable)
    .innerJoin(users, eq(users.id, releasesTable.userId));

type Row = Awaited<ReturnType<typeof select>>[number];

const create = z.union(
  [z.object({ release: z.string() }), z.object({ slug: z.string(), description: z.string().max(1024).nullish() })],
  'Name the slug to release, or the release to roll back to.',
);

const byVersion = ({ release }: Row) => release.version;

releases.get('/apps/:app/releases', async (c) => {
  const app = await appOf(c);
  const current = await currentRelease(database(c.env.DB), app.id);
  const rows = await select(c).where(eq(releasesTable.appId, app.id));
  const by = { version: byVersion, id: ({ release }: Row) => release.id };
  return page(c, rows, { by }, (row) => releaseResource(c, app, row, current.id));
});

/** A release by its id, its version (`12` or `v12`), or as `current`. */
releases.get('/apps/:app/releases/:release', async (c) => {
  const app = await appOf(c);
  const current = await currentRelease(database(c.env.DB), app.id);
  return c.json(await releaseResource(c, app, await find(c, app, c.req.param('release'), current.id), current.id));
});

/** The config vars of a release, as they were. */
releases.get('/apps/:app/releases/:release/config-vars', async (c) => {
  const app = await appOf(c);
  const current = await currentRelease(database(c.env.DB), app.id);
  const { release } = await find(c, app, c.req.param('release'), current.id);
  return c.json(await releaseConfig(c.env, release));
});

/** Of a slug; or a rollback: the next release runs the slug and the config vars of an earlier one. */
releases.post('/apps/:app/releases', async (c) => {
  const app = await appOf(c);
  const user = c.get('user');
  const order = await body(c, create);
  if ('slug' in order) {
    const slug = await findSlug(c, order.slug);
    const made = await releaseSlug(c.env, { app, userId: user.id, slug, description: order.description ?? undefined });
    return c.json(await releaseResource(c, app, { release: made, user }, made.id), 201);
  }
  const { release: asked } = order;
  const current = await currentRelease(database(c.env.DB), app.id);
  const { release: earlier } = await find(c, app, asked, current.id);
  if (!earlier.slugId) throw invalid(`Release v${earlier.version} has no slug: nothing was deployed yet.`);
  const config = await releaseConfig(c.env, earlier);
  const made = await createRelease(c.env, {
    appId: app.id,
    userId: c.get('user').id,
    description: `Rollback to v${earlier.version}`,
    slugId: earlier.slugId,
    config: () => config,
  });
  return c.json(await releaseResource(c, app, { release: made, user: c.get('user') }, made.id), 201);
});

async function find(c: Context<ApiContext>, app: App, asked: string, currentId: string): Promise<Row> {
  const id = asked === 'current' ? currentId : asked;
  const version = Number(/^v?(\d+)$/.exec(id)?.[1] ?? -1);
  const [row] = await select(c).where(
    and(eq(releasesTable.appId, app.id), or(eq(releasesTable.id, id), eq(releasesTable.version, version))),
  );
  if (!row) throw notFound('release');
  return row;
}

async function releaseResource(c: Context<ApiContext>, app: App, { release, user }: Row, currentId: string) {
  const output = new URL(`${OUTPUT}/${app.id}/${release.id}`, c.req.url);
  return {
    id: release.id,
    addon_plan_names: [],
    app: { id: app.id, name: app.name },
    artifacts: [],
    created_at: release.createdAt,
    current: release.id === currentId,
    description: release.description,
    eligible_for_rollback: release.slugId !== null,
    output_stream_url: release.command === null ? null : await signUrl(c.env.SECRET_KEY, 'GET', output, laterDay()),
    slug: release.slugId ? { id: release.slugId } : null,
    status: release.status,
    updated_at: release.createdAt,
    user: { id: user.id, email: user.email },
    version: release.version,
  } satisfies Resource<Heroku.Release, never, 'artifacts' | 'eligible_for_rollback'>;
}
