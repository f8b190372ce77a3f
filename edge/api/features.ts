import type * as Heroku from '@heroku-cli/schema';
import { Hono } from 'hono';
import * as z from 'zod';
import { features as featuresTable } from '../../schema/tables.ts';
import { database, now } from '../platform/database.ts';
import { invalid, notFound } from '../platform/errors.ts';
import { appFeatures, type Feature, featuresOf, findFeature } from '../platform/features.ts';
import { announce, nextRevision } from '../platform/routes.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

export const features = new Hono<ApiContext>();

/** When the platform began to have them: they are part of it. */
const SINCE = '2026-01-01T00:00:00Z';

const change = z.object({ enabled: z.boolean() });

const by = { id: (feature: Feature) => feature.id, name: (feature: Feature) => feature.name };

features.get('/apps/:app/features', async (c) => {
  const has = await featuresOf(database(c.env.DB), (await appOf(c)).id);
  return page(c, [...appFeatures], { by }, (feature) => resource(feature, has));
});

features.get('/apps/:app/features/:feature', async (c) => {
  const app = await appOf(c);
  return c.json(resource(find(c.req.param('feature')), await featuresOf(database(c.env.DB), app.id)));
});

features.patch('/apps/:app/features/:feature', async (c) => {
  const app = await appOf(c);
  const { name, always } = find(c.req.param('feature'));
  const { enabled } = await body(c, change);
  if (always && !enabled) throw invalid(`enabled: every app here has ${name}; it cannot be switched off.`);
  const db = database(c.env.DB);
  const row = { appId: app.id, name, enabled, updatedAt: now() };
  await db.batch([
    db
      .insert(featuresTable)
      .values(row)
      .onConflictDoUpdate({ target: [featuresTable.appId, featuresTable.name], set: row }),
    nextRevision(db, app.id),
  ]);
  await announce(c.env, app.id);
  return c.json(resource(find(name), await featuresOf(db, app.id)));
});

/** Features of an account: there are none, and lists are empty. */
features.get('/account/features', (c) => c.json([]));

features.on(['GET', 'PATCH'], '/account/features/:feature', () => {
  throw notFound('feature');
});

/** @throws ApiError 404 */
function find(asked: string): Feature {
  const feature = findFeature(asked);
  if (!feature) throw notFound('feature');
  return feature;
}

const resource = ({ id, name, displayName, description, docUrl, state }: Feature, has: ReadonlySet<string>) =>
  ({
    id,
    created_at: SINCE,
    description,
    display_name: displayName,
    doc_url: docUrl,
    enabled: has.has(name),
    feedback_email: '',
    name,
    state,
    updated_at: SINCE,
  }) satisfies Resource<Heroku.AppFeature>;
