import { and, asc, eq, gt } from 'drizzle-orm';
import { apps, releases } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { webhookChannel } from '../webhooks/publish.ts';
import { database } from './database.ts';
import { resealConfig } from './releases.ts';

const BATCH = 100;

/**
 * Encrypts with SECRET_KEY what still opens with PREVIOUS_SECRET_KEY only. May be stopped at any moment and called
 * again. Releases that are made meanwhile are sealed with the new key: see `createRelease`.
 * @returns how many releases it changed
 */
export async function reseal(env: Env): Promise<number> {
  const db = database(env.DB);
  for (const { id } of await db.select({ id: apps.id }).from(apps)) {
    await Promise.all([env.LOG_CHANNEL.get(env.LOG_CHANNEL.idFromName(id)).reseal(), webhookChannel(env, id).reseal()]);
  }
  let changed = 0;
  for (let after = ''; ; ) {
    const rows = await db
      .select({ id: releases.id, appId: releases.appId, config: releases.config })
      .from(releases)
      .where(gt(releases.id, after))
      .orderBy(asc(releases.id))
      .limit(BATCH);
    for (const { id, appId, config } of rows) {
      const sealed = await resealConfig(env, appId, config);
      if (sealed === undefined) continue;
      await db
        .update(releases)
        .set({ config: sealed })
        .where(and(eq(releases.id, id), eq(releases.config, config)));
      changed += 1;
    }
    const last = rows.at(-1);
    if (!last) return changed;
    after = last.id;
  }
}
