/**
 * What the builder and the runners ask of the edge: with the secret of this start, and only over loopback. The
 * runners answer 404 to the public for every path below /internal.
 */
import { eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { logLine, type RouteAnswer } from '../../schema/route.ts';
import { builds } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { readTree } from '../git/index.ts';
import { secretsEqual } from '../platform/bytes.ts';
import { cachePrefix } from '../platform/caches.ts';
import { confine, confinement, confineNone } from '../platform/confinement.ts';
import { database } from '../platform/database.ts';
import { begin, hasBegun } from '../platform/readiness.ts';
import { failInterrupted } from '../platform/releases.ts';
import { reseal } from '../platform/reseal.ts';
import { backgroundApps, routeForHost } from '../platform/routes.ts';
import { engineKey, slugKey, uploadPrefix } from '../platform/slugs.ts';
import { sourceKey } from '../platform/sources.ts';
import { starting } from '../router/pages.ts';

export const internal = new Hono<{ Bindings: Env }>();

internal.use(async (c, next) => {
  const shown = c.req.header('authorization') ?? '';
  if (!(await secretsEqual(shown, `Bearer ${c.env.INTERNAL_SECRET}`))) return c.notFound();
  await next();
});

/** Called when the edge has started and its database is as it should be: builds that a stop interrupted go on. */
internal.post('/resume', async (c) => {
  await failInterrupted(database(c.env.DB));
  begin();
  const pending = await database(c.env.DB)
    .selectDistinct({ appId: builds.appId })
    .from(builds)
    .where(eq(builds.status, 'pending'));
  await Promise.all(pending.map(({ appId }) => c.env.BUILD_QUEUE.get(c.env.BUILD_QUEUE.idFromName(appId)).resume()));
  return c.json({ resumed: pending.length });
});

/** Called when SECRET_KEY is new; see reseal.ts. */
internal.post('/reseal', async (c) => c.json({ resealed: await reseal(c.env) }));

/** The supervisor's word on where apps run; see confinement.ts. The runners hear of it after the answer. */
internal.put('/confinement', async (c) => {
  const { told } = await confine(c.env, confinement.parse(await c.req.json()));
  c.executionCtx.waitUntil(told);
  return c.body(null, 204);
});

internal.delete('/confinement', async (c) => {
  await confineNone(c.env);
  return c.body(null, 204);
});

internal.get('/routes/:host', async (c) => {
  const answer: RouteAnswer = { route: await routeForHost(c.env, c.req.param('host').toLowerCase()) };
  return c.json(answer);
});

/** The runners ask as soon as they run, which may be before there are tables; they ask again. */
internal.get('/background', async (c) => (hasBegun(c.env) ? c.json(await backgroundApps(c.env)) : starting()));

internal.get('/source/:app/:commit', async (c) => {
  const { app, commit } = c.req.param();
  const tree = await readTree(c.env, app, commit, { pushId: c.req.query('push') });
  return new Response(tree, { headers: { 'content-type': 'application/x-tar' } });
});

internal.get('/sources/:source', async (c) => archive(c, sourceKey(c.req.param('source'))));

internal.get('/uploads/:app/:slug', async (c) => archive(c, uploadPrefix(c.req.param('app')) + c.req.param('slug')));

internal.get('/caches/:app/:name', async (c) => archive(c, cachePrefix(c.req.param('app')) + c.req.param('name')));

internal.put('/caches/:app/:name', async (c) => {
  const { body } = c.req.raw;
  if (!body) return c.text('A cache needs a body.', 400);
  await c.env.BUCKET.put(cachePrefix(c.req.param('app')) + c.req.param('name'), body);
  return c.body(null, 200);
});

async function archive(c: Context<{ Bindings: Env }>, key: string): Promise<Response> {
  const object = await c.env.BUCKET.get(key);
  return object ? new Response(object.body, { headers: { 'content-type': 'application/x-tar' } }) : c.notFound();
}

keepByHash('/slugs', slugKey, 'application/x-tar');
keepByHash('/engines', engineKey, 'application/octet-stream');

/** What is stored once under the hash of its bytes, and never changes. */
function keepByHash(path: string, keyOf: (sha256: string) => string, type: string): void {
  internal.get(`${path}/:sha256`, async (c) => {
    const key = keyOf(c.req.param('sha256'));
    // Hono answers HEAD by the handler of GET.
    if (c.req.method === 'HEAD') return (await c.env.BUCKET.head(key)) ? c.body(null, 200) : c.notFound();
    const object = await c.env.BUCKET.get(key);
    return object ? new Response(object.body, { headers: { 'content-type': type } }) : c.notFound();
  });

  internal.put(`${path}/:sha256`, async (c) => {
    const sha256 = c.req.param('sha256');
    const { body } = c.req.raw;
    if (!body) return c.text('There is no body.', 400);
    // R2 checks the hash while it stores, and keeps nothing that does not match.
    await c.env.BUCKET.put(keyOf(sha256), body, { sha256 });
    return c.body(null, 200);
  });
}

internal.post('/logs', async (c) => {
  const byApp = Map.groupBy(z.array(logLine).parse(await c.req.json()), (line) => line.app);
  await Promise.all(
    [...byApp].map(([app, lines]) => c.env.LOG_CHANNEL.get(c.env.LOG_CHANNEL.idFromName(app)).append(lines)),
  );
  return c.body(null, 204);
});
