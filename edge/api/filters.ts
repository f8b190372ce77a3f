import { inArray } from 'drizzle-orm';
import { Hono } from 'hono';
import * as z from 'zod';
import { apps } from '../../schema/tables.ts';
import { type App, visibleApps } from '../platform/apps.ts';
import { appResource } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { page } from './paging.ts';
import { body } from './validate.ts';

/** Many apps by their ids in one request; those that the caller may not see are left out ("Filter Apps"). */
export const filters = new Hono<ApiContext>();

const MAX_IDS = 1000;

const filter = z.object({ in: z.object({ id: z.array(z.string()).max(MAX_IDS).optional() }).optional() });

filters.post('/filters/apps', async (c) => {
  const { in: wanted } = await body(c, filter);
  const found = await visibleApps(c.env, c.get('user').id, wanted?.id && inArray(apps.id, wanted.id));
  const by = { id: (app: App) => app.id, name: (app: App) => app.name, updated_at: (app: App) => app.updatedAt };
  return page(c, found, { by }, (app) => appResource(c, app));
});
