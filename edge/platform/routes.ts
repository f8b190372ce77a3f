/** What the routers must know of an app, made from D1, and told to them when it changes. See schema/route.ts. */
import { and, eq, gt, inArray, notInArray, sql } from 'drizzle-orm';
import type { BackgroundApp, Route } from '../../schema/route.ts';
import { apps, domains, formation, slugs } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { place, RELEASE } from '../router/placement.ts';
import { dynoKey } from '../runtimes/dyno-name.ts';
import { type Database, database, now } from './database.ts';
import { featuresOf } from './features.ts';
import { currentRelease, type Release, releaseConfig, type Slug } from './releases.ts';
import { appHost } from './urls.ts';

/**
 * A runner answers an announcement when the new instance serves; an app has 60 seconds to start. Past this the
 * release goes on without that runner, which asks for the route again by itself.
 */
const ANNOUNCE_TIMEOUT_MS = 75_000;

/** The route of the app that answers to `host` (lower case, without port), or null. */
export async function routeForHost(env: Env, host: string): Promise<Route | null> {
  const app = await appForHost(env, host);
  return app ? routeOf(env, app) : null;
}

/** By its own name, by a custom domain, or by a wildcard for the domain above. */
async function appForHost(env: Env, host: string): Promise<typeof apps.$inferSelect | undefined> {
  const db = database(env.DB);
  const suffix = `.${env.APPS_DOMAIN}`;
  if (host.endsWith(suffix)) return db.query.apps.findFirst({ where: eq(apps.name, host.slice(0, -suffix.length)) });
  const wildcard = host.replace(/^[^.]*/, '*');
  const found = await db
    .select({ app: apps, hostname: domains.hostname })
    .from(domains)
    .innerJoin(apps, eq(apps.id, domains.appId))
    .where(inArray(domains.hostname, [host, wildcard]));
  return (found.find(({ hostname }) => hostname === host) ?? found[0])?.app;
}

/** How an app is served, as it is now. */
export async function routeOf(env: Env, app: typeof apps.$inferSelect): Promise<Route> {
  const db = database(env.DB);
  const [release, dynos, custom, features] = await Promise.all([
    currentRelease(db, app.id),
    db.query.formation.findMany({ where: eq(formation.appId, app.id) }),
    db.query.domains.findMany({ where: eq(domains.appId, app.id) }),
    featuresOf(db, app.id),
  ]);
  const slug = release.slugId ? await db.query.slugs.findFirst({ where: eq(slugs.id, release.slugId) }) : undefined;
  return {
    app: { id: app.id, name: app.name },
    revision: app.revision,
    hosts: [appHost(env, app.name), ...custom.map(({ hostname }) => hostname)],
    maintenance: app.maintenance,
    ...(features.has('http-session-affinity') && { affinity: true }),
    release: slug?.sha256
      ? {
          id: release.id,
          version: release.version,
          slug: slug.sha256,
          commit: slug.commit,
          createdAt: release.createdAt,
          config: {
            ...(features.has('runtime-dyno-metadata') && dynoMetadata(app, release, slug)),
            ...(await releaseConfig(env, release)),
          },
        }
      : null,
    formation: Object.fromEntries(dynos.map(({ type, quantity }) => [type, quantity])),
    ...(app.runner !== null && { runner: app.runner }),
    ...(app.halted && { halted: true }),
  };
}

/** What the feature runtime-dyno-metadata adds to the environment ("Dyno Metadata"). */
const dynoMetadata = (app: typeof apps.$inferSelect, release: Release, slug: Slug) => ({
  HEROKU_APP_ID: app.id,
  HEROKU_APP_NAME: app.name,
  HEROKU_RELEASE_CREATED_AT: release.createdAt,
  HEROKU_SLUG_COMMIT: slug.commit ?? '',
  HEROKU_SLUG_DESCRIPTION: release.description,
});

/** The apps that have processes besides `web`, by which a runner that starts knows what to start. */
export async function backgroundApps(env: Env): Promise<BackgroundApp[]> {
  const found = await database(env.DB)
    .selectDistinct({ app: apps.id, revision: apps.revision, name: apps.name })
    .from(apps)
    .innerJoin(formation, eq(formation.appId, apps.id))
    .where(and(gt(formation.quantity, 0), notInArray(formation.type, ['web', RELEASE])));
  return found.map(({ app, revision, name }) => ({ app, revision, host: appHost(env, name) }));
}

/** The private URL of a runner: first those that all apps share, then those for one app alone. */
export const runnerUrl = (env: Env, runner: number): string | undefined =>
  [...JSON.parse(env.RUNNERS), ...JSON.parse(env.LONE_RUNNERS ?? '[]')][runner];

/** Tells every runner how an app is served from now on, and waits until each serves it so. */
export async function announce(env: Env, appId: string): Promise<void> {
  const app = await database(env.DB).query.apps.findFirst({ where: eq(apps.id, appId) });
  if (app) await tellRunners(env, await routeOf(env, app));
}

/** Tells every runner that an app is gone: a route without hosts, newer than all before. */
export async function announceGone(env: Env, app: { id: string; name: string; revision: number }): Promise<void> {
  const { id, name, revision } = app;
  const gone = { hosts: [], maintenance: false, release: null, formation: {} };
  await tellRunners(env, { app: { id, name }, revision: revision + 1, ...gone });
}

async function tellRunners(env: Env, route: Route): Promise<void> {
  const shared: string[] = JSON.parse(env.RUNNERS);
  if (shared.length === 0) return tellDynos(env, route);
  const alone = route.runner === undefined ? undefined : runnerUrl(env, route.runner);
  const runners = alone ? [...shared, alone] : shared;
  const answers = await Promise.allSettled(
    runners.map(async (runner) => {
      const response = await fetch(`${runner}/routes`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${env.INTERNAL_SECRET}`, 'content-type': 'application/json' },
        body: JSON.stringify(route),
        signal: AbortSignal.timeout(ANNOUNCE_TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`It answered ${response.status}.`);
    }),
  );
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'rejected') {
      console.error(`Runner ${runners[index]} did not take the route of ${route.app.name}: ${answer.reason}`);
    }
  }
}

/** Where the edge itself runs the apps: routers there learn of a change in seconds, dynos at once. */
async function tellDynos(env: Env, route: Route): Promise<void> {
  const told = place(route, 1).map(async ({ dyno }) => {
    const name = dynoKey({ app: route.app.id, dyno });
    await Promise.race([env.DYNO.get(env.DYNO.idFromName(name)).run(route), scheduler.wait(ANNOUNCE_TIMEOUT_MS)]);
  });
  for (const answer of await Promise.allSettled(told)) {
    if (answer.status === 'rejected') console.error(`A dyno of ${route.app.name} was not told: ${answer.reason}`);
  }
}

/** Counts a change of an app that the routers must hear of; the caller writes it in one batch with the change. */
export const nextRevision = (db: Database, appId: string) =>
  db
    .update(apps)
    .set({ revision: sql`${apps.revision} + 1`, updatedAt: now() })
    .where(eq(apps.id, appId));
