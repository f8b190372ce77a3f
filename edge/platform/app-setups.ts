/** What is done once an app that was set up by its app.json is deployed. */
import { and, eq } from 'drizzle-orm';
import { appSetups, apps, formation } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { database, now } from './database.ts';
import { DEFAULT_SIZE, dynoSize } from './dyno-sizes.ts';
import { runReleasePhase } from './one-offs.ts';
import { currentRelease } from './releases.ts';
import { announce } from './routes.ts';

export type AppSetup = typeof appSetups.$inferSelect;

/** Most characters that are kept of what a command prints. */
const MAX_OUTPUT = 256 * 1024;

/**
 * Concludes the setup that a build belongs to, if it belongs to one: scales the app, and runs its `postdeploy`. Done again,
 * it does again only what was not done.
 *
 * @param failure why the build has failed, in one sentence; null when it has not
 */
export async function concludeSetup(
  env: Env,
  buildId: string,
  { failure, onOutput, signal }: { failure: string | null; onOutput: (text: string) => void; signal: AbortSignal },
): Promise<void> {
  const db = database(env.DB);
  const setup = await db.query.appSetups.findFirst({ where: eq(appSetups.buildId, buildId) });
  if (setup?.status !== 'pending') return;
  const end = (ended: Partial<AppSetup>) =>
    db
      .update(appSetups)
      .set({ ...ended, updatedAt: now() })
      .where(eq(appSetups.id, setup.id));
  if (failure !== null) {
    await end({ status: 'failed', failure });
    return;
  }
  try {
    await scale(env, setup);
    const { status, output } = await runPostdeploy(env, setup, { onOutput, signal });
    const failed = status !== null && status !== 0;
    await end({
      status: failed ? 'failed' : 'succeeded',
      failure: failed ? `postdeploy exited with status ${status}.` : null,
      exitCode: status,
      output,
    });
  } catch (error) {
    signal.throwIfAborted();
    console.error(`The setup of app ${setup.appId} failed:`, error);
    await end({ status: 'failed', failure: 'The platform failed to finish it.' });
  }
}

async function scale(env: Env, { appId, formation: asked }: AppSetup): Promise<void> {
  const db = database(env.DB);
  for (const [type, { quantity, size }] of Object.entries(asked)) {
    const change = {
      ...(quantity !== undefined && { quantity }),
      ...(size !== undefined && { size: dynoSize(size).name }),
    };
    if (Object.keys(change).length === 0) continue;
    await db
      .update(formation)
      .set({ ...change, updatedAt: now() })
      .where(and(eq(formation.appId, appId), eq(formation.type, type)));
  }
  await announce(env, appId);
}

async function runPostdeploy(
  env: Env,
  { appId, postdeploy }: AppSetup,
  { onOutput, signal }: { onOutput: (text: string) => void; signal: AbortSignal },
): Promise<{ status: number | null; output: string | null }> {
  const db = database(env.DB);
  const app = await db.query.apps.findFirst({ where: eq(apps.id, appId) });
  if (postdeploy === null || !app) return { status: null, output: null };
  const release = await currentRelease(db, appId);
  let output = '';
  onOutput('-----> Running scripts.postdeploy\n');
  const { status } = await runReleasePhase(
    env,
    { app: { id: app.id, name: app.name }, release, type: 'postdeploy', command: postdeploy, size: DEFAULT_SIZE },
    {
      signal,
      onOutput: (text) => {
        onOutput(text);
        if (output.length < MAX_OUTPUT) output += text;
      },
    },
  );
  return { status, output };
}
