/** The buildpacks of an app ("Platform API Reference", Buildpack Installations). They count from the next build on. */
import { eq } from 'drizzle-orm';
import { Hono } from 'hono';
import * as z from 'zod';
import { apps } from '../../schema/tables.ts';
import { buildpackResource, readBuildpack } from '../platform/buildpacks.ts';
import { database, now } from '../platform/database.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { body } from './validate.ts';

export const buildpackInstallations = new Hono<ApiContext>();

/** Heroku's command sends nothing in the place of a name that the registry does not know. */
const buildpack = z.string('There is no such buildpack here. Name one of `heroku buildpacks:search`, or give its URL.');
const update = z.object({ updates: z.array(z.object({ buildpack })).max(20) });

const PATH = '/apps/:app/buildpack-installations';

buildpackInstallations.get(PATH, async (c) => c.json(installations((await appOf(c)).buildpacks)));

buildpackInstallations.put(PATH, async (c) => {
  const app = await appOf(c);
  const { updates } = await body(c, update);
  const buildpacks = updates.map(({ buildpack }, at) => readBuildpack(buildpack, `updates.${at}.buildpack`));
  await database(c.env.DB).update(apps).set({ buildpacks, updatedAt: now() }).where(eq(apps.id, app.id));
  return c.json(installations(buildpacks));
});

const installations = (buildpacks: readonly string[]) =>
  buildpacks.map((name, ordinal) => ({ ordinal, buildpack: buildpackResource(name) }));
