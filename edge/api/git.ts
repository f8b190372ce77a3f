import { Hono } from 'hono';
import type { Env } from '../env.ts';
import { handleGit, listLfsPointers, type PreReceive, type Progress, readCommit, TreeError } from '../git/index.ts';
import type { App } from '../platform/apps.ts';
import { findApp } from '../platform/apps.ts';
import { ApiError } from '../platform/errors.ts';
import type { ApiContext, User } from './auth.ts';

export const git = new Hono<ApiContext>();

/** A push to one of these builds; a push to any other ref is stored. */
const deployRefs = new Set(['refs/heads/main', 'refs/heads/master']);

git.all('/:repository{[^/]+\\.git}/:service{.+}', async (c) => {
  const user = c.get('user');
  const name = c.req.param('repository').slice(0, -'.git'.length);
  const app = await findApp(c.env, user.id, name).catch((error) => {
    // git prints the body of a 404 as it stands.
    if (error instanceof ApiError) return undefined;
    throw error;
  });
  if (!app) return c.text(`No app ${name} of yours here. Create it first.\n`, 404);
  return handleGit(c.req.raw, {
    app,
    service: c.req.param('service'),
    env: c.env,
    ctx: c.executionCtx,
    preReceive: deployOn(c.env, app, user),
  });
});

/** git's word for a push that was turned down; why, its output has said. */
const DECLINED = 'pre-receive hook declined';

/** How many files a warning names. */
const NAMED_FILES = 5;

/** Says what of a commit can never be built, and returns why; of Git LFS it only warns. */
async function complainOf(
  env: Env,
  app: App,
  commit: string,
  pushId: string,
  progress: Progress,
): Promise<string | undefined> {
  try {
    const pointers = await listLfsPointers(env, app.id, commit, { pushId });
    if (pointers.length === 0) return undefined;
    const named = pointers.slice(0, NAMED_FILES).join(', ') + (pointers.length > NAMED_FILES ? ', …' : '');
    await progress(
      ` !     Git LFS is not supported: ${pointers.length} of the files are pointers without content: ${named}\n`,
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
    await progress(` !     ${error.message}\n`);
    return DECLINED;
  }
}

/** What stands between a push and its refs: a push to the deploy branch must build. */
function deployOn(env: Env, app: App, user: User): PreReceive {
  return async (push, progress) => {
    const deploy = push.updates.find(({ ref, new: commit }) => deployRefs.has(ref) && !/^0+$/.test(commit));
    if (!deploy) {
      const branch = push.updates.some(({ ref }) => ref.startsWith('refs/heads/') && !deployRefs.has(ref));
      if (branch) await progress('Pushed to non-deploy branch, skipping build.\n');
      return { accepted: true };
    }
    const complaint = await complainOf(env, app, deploy.new, push.id, progress);
    if (complaint) return { accepted: false, reason: complaint };
    const queue = env.BUILD_QUEUE.get(env.BUILD_QUEUE.idFromName(app.id));
    const id = crypto.randomUUID();
    const { subject } = await readCommit(env, app.id, deploy.new, { pushId: push.id });
    await queue.enqueue({
      id,
      app: { id: app.id, name: app.name },
      userId: user.id,
      source: { type: 'push', commit: deploy.new, subject, pushId: push.id },
      buildpacks: app.buildpacks,
    });
    const output = await queue.output(id);
    for await (const bytes of output) await progress(bytes);
    const outcome = await queue.outcome(id);
    return outcome.status === 'succeeded'
      ? { accepted: true }
      : { accepted: false, reason: 'pre-receive hook declined' };
  };
}
