import type * as Heroku from '@heroku-cli/schema';
import { desc, eq, sql } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { apps as appsTable, slugs, users } from '../../schema/tables.ts';
import { checkAppName } from '../platform/app-name.ts';
import { type App, createApp, deleteApp, findApp, visibleApps } from '../platform/apps.ts';
import { database, isUniqueViolation, now } from '../platform/database.ts';
import { ApiError, invalid } from '../platform/errors.ts';
import { announce } from '../platform/routes.ts';
import { appUrl } from '../platform/urls.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { region } from './region.ts';
import { stack } from './stack.ts';
import { body } from './validate.ts';

export const apps = new Hono<ApiContext>();

const createBody = z.object({
  name: z.string().optional(),
  region: z.unknown().optional(),
  stack: z.unknown().optional(),
});
const updateBody = z.object({
  name: z.string().optional(),
  maintenance: z.boolean().optional(),
  build_stack: z.unknown().optional(),
});

/** `~` is who asks: `heroku apps` calls it so. */
apps.on('GET', ['/apps', '/users/~/apps'], async (c) => {
  const visible = await visibleApps(c.env, c.get('user').id);
  const by = { name: (app: App) => app.name, id: (app: App) => app.id, updated_at: (app: App) => app.updatedAt };
  return page(c, visible, { by }, (app) => appResource(c, app));
});

apps.post('/apps', async (c) => {
  const { name, stack: asked } = await body(c, createBody);
  if (nameOf(asked) === 'container') throw invalid(`Islet runs no containers: there is one stack, ${stack.name}.`);
  return c.json(await appResource(c, await createApp(c.env, c.get('user').id, name)), 201);
});

apps.get('/apps/:app', async (c) => c.json(await appResource(c, await appOf(c))));

apps.patch('/apps/:app', async (c) => {
  const app = await appOf(c);
  const { build_stack: asked, ...change } = await body(c, updateBody);
  if (asked !== undefined && nameOf(asked) !== stack.name) {
    throw invalid(`There is one stack, ${stack.name}, which every app has.`);
  }
  if (change.name !== undefined && change.name !== app.name) checkAppName(change.name);
  const db = database(c.env.DB);
  try {
    await db
      .update(appsTable)
      .set({ ...change, revision: sql`${appsTable.revision} + 1`, updatedAt: now() })
      .where(eq(appsTable.id, app.id));
  } catch (error) {
    if (isUniqueViolation(error, 'apps.name')) throw invalid(`Name ${change.name} is already taken`);
    throw error;
  }
  await announce(c.env, app.id);
  return c.json(await appResource(c, await findApp(c.env, c.get('user').id, app.id)));
});

apps.delete('/apps/:app', async (c) => {
  const app = await ownAppOf(c);
  const resource = await appResource(c, app);
  await deleteApp(c.env, app);
  return c.json(resource);
});

/** A stack is named, or given as it stands in answers. */
const nameOf = (asked: unknown): unknown =>
  typeof asked === 'object' && asked !== null && 'name' in asked ? asked.name : asked;

/**
 * The app that the path names, by id or name.
 * @throws ApiError 404
 */
export const appOf = (c: Context<ApiContext>): Promise<App> =>
  findApp(c.env, c.get('user').id, c.req.param('app') ?? '');

/**
 * The same, for what only its owner may do.
 * @throws ApiError 404, or 403 for a collaborator
 */
export async function ownAppOf(c: Context<ApiContext>): Promise<App> {
  const app = await appOf(c);
  if (app.ownerId === c.get('user').id) return app;
  throw new ApiError(403, 'forbidden', `Only the owner of ${app.name} may do this.`);
}

/** An app in the API's answers. */
export async function appResource(c: Context<ApiContext>, app: App) {
  const db = database(c.env.DB);
  const [owner, slug] = await Promise.all([
    db.query.users.findFirst({ where: eq(users.id, app.ownerId) }),
    db.query.slugs.findFirst({ where: eq(slugs.appId, app.id), orderBy: desc(slugs.createdAt) }),
  ]);
  return {
    id: app.id,
    name: app.name,
    acm: false,
    archived_at: null,
    buildpack_provided_description: app.language,
    build_stack: stack,
    created_at: app.createdAt,
    git_url: `${new URL(c.req.url).origin}/${app.name}.git`,
    internal_routing: null,
    maintenance: app.maintenance,
    organization: null,
    owner: owner && { id: owner.id, email: owner.email },
    region,
    released_at: app.releasedAt,
    repo_size: null,
    slug_size: slug?.size ?? null,
    space: null,
    stack,
    team: null,
    updated_at: app.updatedAt,
    web_url: appUrl(c.env, app.name),
  } satisfies Resource<Heroku.App>;
}
