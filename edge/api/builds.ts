import { and, eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import { builds as buildsTable, releases, users } from '../../schema/tables.ts';
import { database } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { page } from './paging.ts';
import { stack } from './stack.ts';

export const builds = new Hono<ApiContext>();

const select = (c: Context<ApiContext>) =>
  database(c.env.DB)
    .select({ build: buildsTable, user: users, release: { id: releases.id } })
    .from(buildsTable)
    .innerJoin(users, eq(users.id, buildsTable.userId))
    .leftJoin(releases, eq(releases.buildId, buildsTable.id));

type Row = Awaited<ReturnType<typeof select>>[number];

builds.get('/apps/:app/builds', async (c) => {
  const app = await appOf(c);
  const rows = await select(c).where(eq(buildsTable.appId, app.id));
  const by = { created_at: ({ build }: Row) => build.createdAt, id: ({ build }: Row) => build.id };
  return page(c, rows, { by }, (row) => buildResource(c, row));
});

builds.get('/apps/:app/builds/:build', async (c) => {
  const app = await appOf(c);
  const [row] = await select(c).where(and(eq(buildsTable.appId, app.id), eq(buildsTable.id, c.req.param('build'))));
  if (!row) throw notFound('build');
  return c.json(buildResource(c, row));
});

builds.get('/apps/:app/builds/:build/output', async (c) => {
  const app = await appOf(c);
  const build = await database(c.env.DB).query.builds.findFirst({
    where: and(eq(buildsTable.appId, app.id), eq(buildsTable.id, c.req.param('build'))),
  });
  if (!build) throw notFound('build');
  const output = await c.env.BUILD_QUEUE.get(c.env.BUILD_QUEUE.idFromName(app.id)).output(build.id);
  return new Response(output, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
});

function buildResource(c: Context<ApiContext>, { build, user, release }: Row) {
  return {
    id: build.id,
    app: { id: build.appId },
    buildpacks: [],
    created_at: build.createdAt,
    output_stream_url: `${new URL(c.req.url).origin}/apps/${build.appId}/builds/${build.id}/output`,
    release: release && { id: release.id },
    slug: build.slugId ? { id: build.slugId } : null,
    source_blob: { checksum: null, url: '', version: build.commit, version_description: build.commitSubject },
    stack: stack.name,
    status: build.status,
    updated_at: build.updatedAt,
    user: { id: user.id, email: user.email },
  };
}
