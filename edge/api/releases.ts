import { and, desc, eq, or } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import { releases as releasesTable, users } from '../../schema/tables.ts';
import type { App } from '../platform/apps.ts';
import { database } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { currentRelease } from '../platform/releases.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';

export const releases = new Hono<ApiContext>();

const select = (c: Context<ApiContext>) =>
  database(c.env.DB)
    .select({ release: releasesTable, user: users })
    .from(releasesTable)
    .innerJoin(users, eq(users.id, releasesTable.userId));

releases.get('/apps/:app/releases', async (c) => {
  const app = await appOf(c);
  const current = await currentRelease(database(c.env.DB), app.id);
  const rows = await select(c).where(eq(releasesTable.appId, app.id)).orderBy(desc(releasesTable.version)).limit(200);
  return c.json(rows.map((row) => releaseResource(app, row, current.id)));
});

/** A release by its id, its version (`12` or `v12`), or as `current`. */
releases.get('/apps/:app/releases/:release', async (c) => {
  const app = await appOf(c);
  const current = await currentRelease(database(c.env.DB), app.id);
  const asked = c.req.param('release');
  const id = asked === 'current' ? current.id : asked;
  const [row] = await select(c).where(
    and(
      eq(releasesTable.appId, app.id),
      or(eq(releasesTable.id, id), eq(releasesTable.version, Number(/^v?(\d+)$/.exec(id)?.[1] ?? -1))),
    ),
  );
  if (!row) throw notFound('release');
  return c.json(releaseResource(app, row, current.id));
});

function releaseResource(app: App, { release, user }: Awaited<ReturnType<typeof select>>[number], currentId: string) {
  return {
    id: release.id,
    addon_plan_names: [],
    app: { id: app.id, name: app.name },
    artifacts: [],
    created_at: release.createdAt,
    current: release.id === currentId,
    description: release.description,
    eligible_for_rollback: release.slugId !== null,
    output_stream_url: null,
    slug: release.slugId ? { id: release.slugId } : null,
    status: 'succeeded',
    updated_at: release.createdAt,
    user: { id: user.id, email: user.email },
    version: release.version,
  };
}
