import { and, eq, inArray, or, type SQL } from 'drizzle-orm';
import { apps, collaborators, releases } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { deleteRepository } from '../git/index.ts';
import { webhookChannel } from '../webhooks/publish.ts';
import { checkAppName, randomAppName } from './app-name.ts';
import { deletePrefix } from './bucket.ts';
import { cachePrefix } from './caches.ts';
import { database, isUniqueViolation, now } from './database.ts';
import { invalid, notFound } from './errors.ts';
import { oneOffDynos, stopOneOffs } from './one-offs.ts';
import { sealConfig } from './releases.ts';
import { announceGone } from './routes.ts';
import { uploadPrefix } from './slugs.ts';

export type App = typeof apps.$inferSelect;

/**
 * The app of that id or name, if `userId` may see it.
 * @throws ApiError 404, the same for an app that is not there and one that is not theirs
 */
export async function findApp(env: Env, userId: string, idOrName: string): Promise<App> {
  const [app] = await visibleApps(env, userId, or(eq(apps.id, idOrName), eq(apps.name, idOrName)));
  if (!app) throw notFound('app');
  return app;
}

/** The apps that a user owns or collaborates on, as far as `condition` holds. */
export async function visibleApps(env: Env, userId: string, condition?: SQL): Promise<App[]> {
  const db = database(env.DB);
  const shared = db.select({ id: collaborators.appId }).from(collaborators).where(eq(collaborators.userId, userId));
  return db.query.apps.findMany({ where: and(condition, or(eq(apps.ownerId, userId), inArray(apps.id, shared))) });
}

/**
 * Creates an app with its first release, which runs nothing.
 * @param name one that is free, or undefined for one made up
 * @throws ApiError 422 when the name will not do or is taken
 */
export async function createApp(env: Env, userId: string, name = randomAppName()): Promise<App> {
  checkAppName(name);
  const db = database(env.DB);
  const createdAt = now();
  const app: App = {
    id: crypto.randomUUID(),
    name,
    ownerId: userId,
    maintenance: false,
    language: null,
    buildpacks: [],
    revision: 0,
    runner: null,
    halted: false,
    createdAt,
    updatedAt: createdAt,
    releasedAt: createdAt,
  };
  try {
    await db.batch([
      db.insert(apps).values(app),
      db.insert(releases).values({
        id: crypto.randomUUID(),
        appId: app.id,
        version: 1,
        userId,
        description: 'Initial release',
        slugId: null,
        buildId: null,
        config: await sealConfig(env, app.id, {}),
        status: 'succeeded',
        command: null,
        createdAt,
      }),
    ]);
  } catch (error) {
    if (isUniqueViolation(error, 'apps.name')) throw invalid(`Name ${name} is already taken`);
    throw error;
  }
  return app;
}

/**
 * Deletes an app and all that is its own: releases, builds, log, repository. Its row goes first, so that from then on
 * nothing reaches the rest.
 */
export async function deleteApp(env: Env, app: App): Promise<void> {
  const db = database(env.DB);
  await db.delete(apps).where(eq(apps.id, app.id));
  await announceGone(env, app);
  const oneOffs = await oneOffDynos(env, app.id);
  await stopOneOffs(
    env,
    app.id,
    oneOffs.map(({ id }) => id),
  );
  // A build that runs ends before the repository it reads from.
  await env.BUILD_QUEUE.get(env.BUILD_QUEUE.idFromName(app.id)).destroy();
  await Promise.all([
    env.LOG_CHANNEL.get(env.LOG_CHANNEL.idFromName(app.id)).destroy(),
    webhookChannel(env, app.id).destroy(),
    deleteRepository(env, app.id),
    deletePrefix(env.BUCKET, cachePrefix(app.id)),
    deletePrefix(env.BUCKET, uploadPrefix(app.id)),
  ]);
}
