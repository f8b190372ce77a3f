/**
 * The git server alone: `/<app>.git/…` for every app name, without authentication. What a push is to meet is set by
 * push options: `reject=<reason>`, `wait=<ms>`, `say=<text>`, `commit` (as the build queue does it).
 */
import {
  defaultSchedule,
  deleteRepository,
  Repository as GitRepository,
  handleGit,
  listLfsPointers,
  type PreReceive,
  readCommit,
  readTree,
  type Schedule,
} from '../../edge/git/index.ts';

type Env = Parameters<typeof handleGit>[1]['env'] & { SCHEDULE: Partial<Schedule> };

export class Repository extends GitRepository {
  protected override readonly schedule = { ...defaultSchedule, ...(this.env as unknown as Env).SCHEDULE };

  /** Whether a pack is being written: by a push, or by a repack. */
  isWriting(): boolean {
    return this.ctx.storage.sql.exec("SELECT 1 FROM pushes WHERE state = 'receiving'").toArray().length > 0;
  }
}

const repository = (env: Env, app: string) =>
  env.REPOSITORY.get(env.REPOSITORY.idFromName(app)) as DurableObjectStub<Repository>;

const preReceive =
  (env: Env, app: string): PreReceive =>
  async (push, progress) => {
    for (const option of push.pushOptions) {
      const [, key, value = ''] = /^([^=]*)=?(.*)$/s.exec(option) ?? [];
      if (key === 'say') await progress(`${value}\n`);
      if (key === 'wait') await scheduler.wait(Number(value));
      if (key === 'abandon') await repository(env, app).abandonPush(push.id);
      if (key === 'tree') {
        const commit = push.updates[0]?.new ?? '';
        const { subject } = await readCommit(env, app, commit, { pushId: push.id });
        const tar = await new Response(await readTree(env, app, commit, { pushId: push.id })).arrayBuffer();
        await progress(`tree of "${subject}": ${tar.byteLength} bytes\n`);
      }
      if (key === 'commit') await repository(env, app).commitPush(push.id);
      if (key === 'reject') return { accepted: false, reason: value };
    }
    return { accepted: true };
  };

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [, app = '', service = ''] = /^\/([^/]+)\.git\/(.+)$/.exec(pathname) ?? [];
    if (service === 'tree') {
      try {
        return new Response(await readTree(env, app, searchParams.get('commit') ?? ''));
      } catch (error) {
        return new Response(String(error), { status: 422 });
      }
    }
    if (service === 'lfs') return Response.json(await listLfsPointers(env, app, searchParams.get('commit') ?? ''));
    if (service === 'delete') {
      await deleteRepository(env, app);
      return new Response('deleted\n');
    }
    if (service === 'writing') return Response.json(await repository(env, app).isWriting());
    if (service === 'repack') return new Response(String(await repository(env, app).repack()));
    if (service === 'keys') {
      const bucket = (env as { BUCKET: R2Bucket }).BUCKET;
      const { objects } = await bucket.list({ prefix: `git/${app}/` });
      return Response.json(objects.map(({ key, size }) => ({ key, size })));
    }
    return handleGit(request, { app: { id: app, name: app }, service, env, ctx, preReceive: preReceive(env, app) });
  },
};
