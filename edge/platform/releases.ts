/**
 * Releases: what an app runs is its newest release, and a release never changes. It joins a slug with all the config
 * vars of its time, so a config change, a build and a rollback are alike: each makes the next release, in one D1 batch,
 * and then tells the runners.
 */
import { and, desc, eq, notInArray, sql } from 'drizzle-orm';
import { apps, formation, releases, slugs } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { writeLog } from '../logs/write.ts';
import { type Database, database, isUniqueViolation, now } from './database.ts';
import { DEFAULT_SIZE } from './dyno-sizes.ts';
import { announce } from './routes.ts';
import { open, seal } from './secret-box.ts';

export type Config = Record<string, string>;
export type Release = typeof releases.$inferSelect;
export type Slug = typeof slugs.$inferSelect;

/** What a sealed config is bound to: the app whose release it belongs to. */
const context = (appId: string) => `releases.config/${appId}`;

/** The release an app runs; every app has one from its creation on. */
export async function currentRelease(db: Database, appId: string): Promise<Release> {
  const release = await db.query.releases.findFirst({
    where: eq(releases.appId, appId),
    orderBy: desc(releases.version),
  });
  if (!release) throw new Error(`App ${appId} has no release.`);
  return release;
}

/** The config vars of a release, in clear. */
export async function releaseConfig(env: Env, release: Release): Promise<Config> {
  return openConfig(env, release.appId, release.config);
}

/** Config vars out of what `releases.config` keeps, sealed by the present key or the one before. */
async function openConfig(env: Env, appId: string, sealed: string): Promise<Config> {
  const config = open(env.SECRET_KEY, context(appId), sealed);
  const { PREVIOUS_SECRET_KEY: previous } = env;
  return JSON.parse(await (previous ? config.catch(() => open(previous, context(appId), sealed)) : config));
}

/** Seals a config anew; undefined when the present key has sealed it already. */
export async function resealConfig(env: Env, appId: string, sealed: string): Promise<string | undefined> {
  const current = await open(env.SECRET_KEY, context(appId), sealed).catch(() => undefined);
  return current === undefined ? sealConfig(env, appId, await openConfig(env, appId, sealed)) : undefined;
}

/** Config vars as `releases.config` keeps them. */
export const sealConfig = (env: Env, appId: string, config: Config): Promise<string> =>
  seal(env.SECRET_KEY, context(appId), JSON.stringify(config));

const same = (config: Config): Config => config;

interface NewRelease {
  appId: string;
  userId: string;
  /** As `heroku releases` lists it: `Set GREETING config vars`, `Deploy 1a2b3c4d`. */
  description: string;
  /** Makes the new config of the present one; by default it stays. */
  config?: (config: Config) => Config;
  /** An earlier slug of the app to run again; by default the present one. */
  slugId?: string;
  /** A new slug to run from now on. */
  slug?: Omit<Slug, 'id' | 'appId' | 'createdAt'>;
  /** The build that asks for it. A build makes one release, however often it asks. */
  buildId?: string;
}

/**
 * Makes the next release of an app and, when every runner serves it or has had its time to, returns it.
 * @throws what `config` throws; then nothing is changed
 */
export async function createRelease(env: Env, request: NewRelease): Promise<Release> {
  const db = database(env.DB);
  const release = await insertRelease(env, db, request);
  const text = `Release v${release.version} created: ${release.description}`;
  await Promise.all([announce(env, request.appId), writeLog(env, request.appId, { source: 'app', dyno: 'api', text })]);
  return release;
}

async function insertRelease(env: Env, db: Database, request: NewRelease): Promise<Release> {
  const { appId, userId, description, buildId } = request;
  for (;;) {
    if (buildId) {
      const made = await db.query.releases.findFirst({ where: eq(releases.buildId, buildId) });
      if (made) return made;
    }
    const before = await currentRelease(db, appId);
    const createdAt = now();
    const slug = request.slug && { ...request.slug, id: crypto.randomUUID(), appId, createdAt };
    const release: Release = {
      id: crypto.randomUUID(),
      appId,
      version: before.version + 1,
      userId,
      description,
      slugId: slug?.id ?? request.slugId ?? before.slugId,
      buildId: buildId ?? null,
      // Sealed anew each time, so that no release is made with a key that is being replaced.
      config: await sealConfig(env, appId, (request.config ?? same)(await releaseConfig(env, before))),
      createdAt,
    };
    const touch = db
      .update(apps)
      .set({
        updatedAt: createdAt,
        releasedAt: createdAt,
        revision: sql`${apps.revision} + 1`,
        ...(slug && { language: slug.language }),
      })
      .where(eq(apps.id, appId));
    try {
      if (slug) {
        await db.batch([
          db.insert(slugs).values(slug),
          db.insert(releases).values(release),
          ...formationFor(db, appId, slug.processTypes, createdAt),
          touch,
        ]);
      } else {
        const earlier = request.slugId && (await db.query.slugs.findFirst({ where: eq(slugs.id, request.slugId) }));
        await db.batch([
          db.insert(releases).values(release),
          ...(earlier ? formationFor(db, appId, earlier.processTypes, createdAt) : []),
          touch,
        ]);
      }
      return release;
    } catch (error) {
      // Another release took this version in the meantime: this one comes after it.
      if (!isUniqueViolation(error, 'releases.version') && !isUniqueViolation(error, 'releases.build_id')) throw error;
    }
  }
}

/** The formation follows the slug: new types start with none, but `web` with one; types that are gone go. */
function formationFor(db: Database, appId: string, processTypes: Record<string, string>, at: string) {
  const types = Object.keys(processTypes);
  const upserts = Object.entries(processTypes).map(([type, command]) =>
    db
      .insert(formation)
      .values({
        id: crypto.randomUUID(),
        appId,
        type,
        command,
        quantity: type === 'web' ? 1 : 0,
        size: DEFAULT_SIZE,
        createdAt: at,
        updatedAt: at,
      })
      .onConflictDoUpdate({ target: [formation.appId, formation.type], set: { command, updatedAt: at } }),
  );
  const gone = db.delete(formation).where(and(eq(formation.appId, appId), notInArray(formation.type, types)));
  return [...upserts, gone];
}
