/**
 * Releases: what an app runs is its newest release, and a release never changes. It joins a slug with all the config
 * vars of its time, so a config change, a build and a rollback are alike: each makes the next release, in one D1 batch,
 * and then tells the runners.
 */
import { and, desc, eq, notInArray, sql } from 'drizzle-orm';
import { apps, formation, releases, slugs } from '../../schema/tables.ts';
import { workerCommands } from '../../schema/worker.ts';
import type { Env } from '../env.ts';
import { writeLog } from '../logs/write.ts';
import { RELEASE } from '../router/placement.ts';
import { publishRelease } from '../webhooks/publish.ts';
import { type Database, database, isUniqueViolation, now } from './database.ts';
import { DEFAULT_SIZE } from './dyno-sizes.ts';
import { ApiError } from './errors.ts';
import { announce } from './routes.ts';
import { openText, resealText, sealText } from './sealed.ts';

export type Config = Record<string, string>;
export type Release = typeof releases.$inferSelect;
export type Slug = typeof slugs.$inferSelect;

/** What a sealed config is bound to: the app whose release it belongs to. */
const context = (appId: string) => `releases.config/${appId}`;

/** The release an app runs; every app has one from its creation on. */
export async function currentRelease(db: Database, appId: string): Promise<Release> {
  const release = await db.query.releases.findFirst({
    where: and(eq(releases.appId, appId), eq(releases.status, 'succeeded')),
    orderBy: desc(releases.version),
  });
  if (!release) throw new Error(`App ${appId} has no release.`);
  return release;
}

/** The config vars of a release, in clear. */
export async function releaseConfig(env: Env, release: Release): Promise<Config> {
  return openConfig(env, release.appId, release.config);
}

/** Config vars out of what `releases.config` keeps. */
const openConfig = async (env: Env, appId: string, sealed: string): Promise<Config> =>
  JSON.parse(await openText(env, context(appId), sealed));

/** Seals a config anew; undefined when the present key has sealed it already. */
export const resealConfig = (env: Env, appId: string, sealed: string): Promise<string | undefined> =>
  resealText(env, context(appId), sealed);

/** Config vars as `releases.config` keeps them. */
export const sealConfig = (env: Env, appId: string, config: Config): Promise<string> =>
  sealText(env, context(appId), JSON.stringify(config));

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
  /** Called when nothing is left to do but to go live; what it throws, the release fails with. May be called again. */
  beforeLive?: () => Promise<void>;
}

/** A release that did not go live: its release phase failed. The app runs what it ran before. */
export class ReleaseFailed extends ApiError {
  constructor(message: string) {
    super(422, 'release_failed', message);
  }
}

/** How long a release waits for one whose release phase runs. Milliseconds. */
const PENDING_PATIENCE_MS = 25_000;

/**
 * Makes the next release of an app and, when every runner serves it or has had its time to, returns it. A slug with a
 * process type `release` has that run first, and the release fails with it.
 *
 * @throws what `config` and `beforeLive` throw; ReleaseFailed; ApiError 409 while another release has its release phase.
 *   Then the app runs what it ran before.
 */
export async function createRelease(env: Env, request: NewRelease): Promise<Release> {
  const db = database(env.DB);
  const made = request.buildId
    ? await db.query.releases.findFirst({ where: eq(releases.buildId, request.buildId) })
    : undefined;
  if (made && made.status !== 'succeeded') throw await fail(db, made, 'was interrupted');
  const release = made ?? (await makeRelease(env, db, request));
  await announce(env, request.appId);
  await publishRelease(env, release, 'create');
  return release;
}

async function makeRelease(env: Env, db: Database, request: NewRelease): Promise<Release> {
  const { appId, beforeLive } = request;
  const processTypes = await processTypesOf(db, request);
  const command = processTypes[RELEASE];
  if (command === undefined) await beforeLive?.();
  const release = await insertRelease(env, db, request, command);
  const log = (text: string) => writeLog(env, appId, { source: 'app', dyno: 'api', text });
  await log(`Release v${release.version} created: ${release.description}`);
  if (command === undefined) return release;
  try {
    await runReleasePhase(env, db, release, command);
    await beforeLive?.();
  } catch (error) {
    await log(`Release v${release.version} command failed: ${error instanceof Error ? error.message : error}`);
    await db.update(releases).set({ status: 'failed' }).where(eq(releases.id, release.id));
    throw error;
  }
  await db.batch([
    db.update(releases).set({ status: 'succeeded' }).where(eq(releases.id, release.id)),
    ...goLive(db, appId, { processTypes, at: now(), language: request.slug?.language }),
  ]);
  return { ...release, status: 'succeeded' };
}

/** Marks releases failed whose release phase a stop of the edge interrupted: to run a migration twice could do harm. */
export async function failInterrupted(db: Database): Promise<void> {
  await db.update(releases).set({ status: 'failed' }).where(eq(releases.status, 'pending'));
}

async function fail(db: Database, release: Release, why: string): Promise<ReleaseFailed> {
  await db.update(releases).set({ status: 'failed' }).where(eq(releases.id, release.id));
  return new ReleaseFailed(`Release command failed: it ${why}. Release v${release.version} is not available.`);
}

async function runReleasePhase(env: Env, db: Database, release: Release, command: string): Promise<void> {
  const { appId, version, buildId } = release;
  const [app, row] = await Promise.all([
    db.query.apps.findFirst({ where: eq(apps.id, appId) }),
    db.query.formation.findFirst({ where: and(eq(formation.appId, appId), eq(formation.type, RELEASE)) }),
  ]);
  if (!app) throw new Error(`App ${appId} is gone.`);
  const queue = env.BUILD_QUEUE.get(env.BUILD_QUEUE.idFromName(appId));
  const { status, reason } = await queue.runReleasePhase(
    { app: { id: app.id, name: app.name }, release, type: RELEASE, command, size: row?.size ?? DEFAULT_SIZE },
    buildId,
  );
  if (status === 0) return;
  const why = reason ?? `it exited with status ${status}`;
  throw new ReleaseFailed(`Release command failed: ${why}. Release v${version} is not available.`);
}

/** The process types of the slug that a release is to run. */
async function processTypesOf(db: Database, request: NewRelease): Promise<Record<string, string>> {
  if (request.slug) return request.slug.processTypes;
  const id = request.slugId ?? (await currentRelease(db, request.appId)).slugId;
  const slug = id ? await db.query.slugs.findFirst({ where: eq(slugs.id, id) }) : undefined;
  return slug?.processTypes ?? {};
}

/** @param command of its release phase, for which it stays pending */
async function insertRelease(
  env: Env,
  db: Database,
  request: NewRelease,
  command: string | undefined,
): Promise<Release> {
  const { appId, userId, description, buildId } = request;
  const deadline = Date.now() + PENDING_PATIENCE_MS;
  for (;;) {
    await noPending(db, appId, deadline);
    const [before, newest] = await Promise.all([currentRelease(db, appId), newestRelease(db, appId)]);
    const createdAt = now();
    const slug = request.slug && { ...request.slug, id: crypto.randomUUID(), appId, createdAt };
    const release: Release = {
      id: crypto.randomUUID(),
      appId,
      version: newest.version + 1,
      userId,
      description,
      slugId: slug?.id ?? request.slugId ?? before.slugId,
      buildId: buildId ?? null,
      // Sealed anew each time, so that no release is made with a key that is being replaced.
      config: await sealConfig(env, appId, (request.config ?? same)(await releaseConfig(env, before))),
      status: command === undefined ? 'succeeded' : 'pending',
      command: command ?? null,
      createdAt,
    };
    const processTypes = slug || request.slugId ? await processTypesOf(db, request) : undefined;
    const inserted = db.insert(releases).values(release);
    try {
      await db.batch([
        ...(slug ? ([db.insert(slugs).values(slug), inserted] as const) : ([inserted] as const)),
        ...(command === undefined ? goLive(db, appId, { processTypes, at: createdAt, language: slug?.language }) : []),
      ]);
      return release;
    } catch (error) {
      // Another release took this version in the meantime: this one comes after it.
      if (!isUniqueViolation(error, 'releases.version')) throw error;
    }
  }
}

/** Waits until no release of the app has its release phase: the next is made of what that one leaves. */
async function noPending(db: Database, appId: string, deadline: number): Promise<void> {
  for (;;) {
    const pending = await db.query.releases.findFirst({
      where: and(eq(releases.appId, appId), eq(releases.status, 'pending')),
    });
    if (!pending) return;
    if (Date.now() > deadline) {
      throw new ApiError(
        409,
        'conflict',
        `Release v${pending.version} runs its release command. Try again when it has ended.`,
      );
    }
    await scheduler.wait(250);
  }
}

async function newestRelease(db: Database, appId: string): Promise<Release> {
  const release = await db.query.releases.findFirst({
    where: eq(releases.appId, appId),
    orderBy: desc(releases.version),
  });
  if (!release) throw new Error(`App ${appId} has no release.`);
  return release;
}

/**
 * What changes when a release goes live.
 * @param processTypes of its slug; undefined where the slug stays
 */
function goLive(
  db: Database,
  appId: string,
  {
    processTypes,
    at,
    language,
  }: { processTypes: Record<string, string> | undefined; at: string; language: string | null | undefined },
) {
  const touch = db
    .update(apps)
    .set({
      updatedAt: at,
      releasedAt: at,
      revision: sql`${apps.revision} + 1`,
      ...(language !== undefined && { language }),
    })
    .where(eq(apps.id, appId));
  return [touch, ...(processTypes ? formationFor(db, appId, processTypes, at) : [])];
}

/**
 * The formation follows the slug: new types start with none, but `web` and what calls a Worker by its crons with one;
 * types that are gone go.
 */
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
        quantity: type === 'web' || command === workerCommands.cron ? 1 : 0,
        size: DEFAULT_SIZE,
        createdAt: at,
        updatedAt: at,
      })
      .onConflictDoUpdate({ target: [formation.appId, formation.type], set: { command, updatedAt: at } }),
  );
  const gone = db.delete(formation).where(and(eq(formation.appId, appId), notInArray(formation.type, types)));
  return [...upserts, gone];
}
