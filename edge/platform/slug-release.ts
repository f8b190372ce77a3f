import { eq } from 'drizzle-orm';
import { releases } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import type { App } from './apps.ts';
import { database } from './database.ts';
import { invalid } from './errors.ts';
import { createRelease, type Release, type Slug } from './releases.ts';

/**
 * Releases a slug. One that was uploaded is assembled for the runners first, in the app's queue of builds, so that a
 * stop of the platform in between loses nothing.
 *
 * @throws ApiError 422 when nothing was uploaded, or it cannot be run
 */
export async function releaseSlug(
  env: Env,
  { app, userId, slug, description }: { app: App; userId: string; slug: Slug; description: string | undefined },
): Promise<Release> {
  const { id, sha256, size, checksum, commit, commitDescription, language, processTypes } = slug;
  const request = { appId: app.id, userId, description: description ?? describe(commit) };
  if (sha256 && slug.appId === app.id) return createRelease(env, { ...request, slugId: id });
  if (sha256) {
    const copy = { sha256, size, checksum, commit, commitDescription, language, processTypes };
    return createRelease(env, { ...request, slug: copy });
  }
  if (size === null) throw invalid(`Slug ${id} is empty: PUT its archive to the URL in its blob first.`);
  if (slug.appId !== app.id) throw invalid(`Slug ${id} is another app's, and was never released there.`);
  const queue = env.BUILD_QUEUE.get(env.BUILD_QUEUE.idFromName(app.id));
  const build = crypto.randomUUID();
  await queue.enqueue({
    id: build,
    app: { id: app.id, name: app.name },
    userId,
    source: { type: 'slug', id, checksum, commit, description: request.description, processTypes },
    buildpacks: [],
  });
  const outcome = await queue.outcome(build);
  if (outcome.status === 'failed') throw invalid(`Slug ${id} cannot be released: ${outcome.reason}`);
  const release = await database(env.DB).query.releases.findFirst({ where: eq(releases.buildId, build) });
  if (!release) throw new Error(`Build ${build} succeeded without a release.`);
  return release;
}

const describe = (commit: string | null): string => (commit ? `Deploy ${commit.slice(0, 8)}` : 'Deploy');
