import { env } from 'cloudflare:workers';
import { users } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { type App, createApp } from '../platform/apps.ts';
import { database, now } from '../platform/database.ts';

/** A database with one user and one app in it. */
export async function appInDatabase(): Promise<{ env: Env; app: App; userId: string }> {
  const userId = crypto.randomUUID();
  const at = now();
  await database(env.DB)
    .insert(users)
    .values({
      id: userId,
      email: `${userId}@example.com`,
      name: null,
      createdAt: at,
      updatedAt: at,
      deactivatedAt: null,
    });
  return { env, app: await createApp(env, userId), userId };
}
