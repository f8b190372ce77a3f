import { eq } from 'drizzle-orm';
import type { builds, releases } from '../../schema/tables.ts';
import { apps, users } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { database } from '../platform/database.ts';
import type { Action, Change, Entity } from './event.ts';

/** The webhooks of an app. */
export const webhookChannel = (env: Env, appId: string) => env.WEBHOOKS.get(env.WEBHOOKS.idFromName(appId));

/** Tells an app's webhooks of a change. That they cannot be told undoes nothing. */
export async function publish(env: Env, appId: string, change: Change): Promise<void> {
  await webhookChannel(env, appId)
    .publish(change)
    .catch((error: unknown) => console.error(`The webhooks of ${appId} were not told of ${change.entity}:`, error));
}

/** Tells of a release. */
export async function publishRelease(env: Env, release: typeof releases.$inferSelect, action: Action): Promise<void> {
  const { id, createdAt, description, slugId, status, version } = release;
  await publishOf(env, release, 'api:release', action, {
    id,
    created_at: createdAt,
    description,
    slug: slugId && { id: slugId },
    status,
    version,
  });
}

/** Tells of a build. */
export async function publishBuild(env: Env, build: typeof builds.$inferSelect, action: Action): Promise<void> {
  const { id, createdAt, updatedAt, commit, slugId, status } = build;
  await publishOf(env, build, 'api:build', action, {
    id,
    created_at: createdAt,
    slug: slugId && { id: slugId },
    source_blob: { version: commit },
    status,
    updated_at: updatedAt,
  });
}

async function publishOf(
  env: Env,
  { appId, userId }: { appId: string; userId: string },
  entity: Entity,
  action: Action,
  data: Record<string, unknown>,
): Promise<void> {
  const db = database(env.DB);
  const [app, user] = await Promise.all([
    db.query.apps.findFirst({ where: eq(apps.id, appId) }),
    db.query.users.findFirst({ where: eq(users.id, userId) }),
  ]);
  if (!app) return;
  const actor = user ? { id: user.id, email: user.email } : null;
  await publish(env, appId, {
    entity,
    action,
    actor,
    data: { ...data, app: { id: app.id, name: app.name }, user: actor },
  });
}
