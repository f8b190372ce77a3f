/** Apps that may have harmed the runner they share: the supervisor gives each a runner of its own. */
import { eq, isNotNull, or, sql } from 'drizzle-orm';
import * as z from 'zod';
import { apps } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { writeLog } from '../logs/write.ts';
import { database } from './database.ts';
import { announce } from './routes.ts';

export const confinement = z.object({
  app: z.uuid(),
  /** The runner that is to have it alone; null to let it back among the others. */
  runner: z.number().int().nullable(),
  /** Whether it is not to run for now: its requests are answered H10. */
  halted: z.boolean(),
  /** What its log is to say of it. */
  lines: z.array(z.string()),
});

/** Writes down where an app runs; the answer's promise resolves when every runner knows. */
export async function confine(env: Env, order: z.infer<typeof confinement>): Promise<{ told: Promise<void> }> {
  const { app, runner, halted, lines } = order;
  await database(env.DB)
    .update(apps)
    .set({ runner, halted, revision: sql`${apps.revision} + 1` })
    .where(eq(apps.id, app));
  const logged = lines.map((text) => writeLog(env, app, { source: 'heroku', dyno: 'web.1', text }));
  return { told: Promise.all([announce(env, app), ...logged]).then(() => {}) };
}

/** Lets every app back among the others, as after a start of the platform. */
export async function confineNone(env: Env): Promise<void> {
  await database(env.DB)
    .update(apps)
    .set({ runner: null, halted: false, revision: sql`${apps.revision} + 1` })
    .where(or(isNotNull(apps.runner), eq(apps.halted, true)));
}
