import { Hono } from 'hono';
import * as z from 'zod';
import { database } from '../platform/database.ts';
import { invalid } from '../platform/errors.ts';
import { type Config, createRelease, currentRelease, releaseConfig } from '../platform/releases.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { body } from './validate.ts';

export const configVars = new Hono<ApiContext>();

/** All keys and values of an app together; Heroku's limit ("Configuration and Config Vars"). Bytes of UTF-8. */
const MAX_CONFIG = 64 * 1024;

/** Name to value; null takes a config var away. */
const change = z.record(z.string(), z.string().nullable());

configVars.get('/apps/:app/config-vars', async (c) => {
  const app = await appOf(c);
  return c.json(await releaseConfig(c.env, await currentRelease(database(c.env.DB), app.id)));
});

configVars.patch('/apps/:app/config-vars', async (c) => {
  const app = await appOf(c);
  const changes = await body(c, change);
  const current = await releaseConfig(c.env, await currentRelease(database(c.env.DB), app.id));
  mergeConfig(current, changes);
  if (!changesAnything(current, changes)) return c.json(current);
  const release = await createRelease(c.env, {
    appId: app.id,
    userId: c.get('user').id,
    description: describe(changes),
    config: (config) => mergeConfig(config, changes),
  });
  return c.json(await releaseConfig(c.env, release));
});

function checkName(name: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw invalid(
      `Config var ${JSON.stringify(name)} will not do: a name starts with a letter or underscore and has only letters, digits and underscores.`,
    );
  }
  if (name === 'PORT') throw invalid('Config var PORT is set by the platform and cannot be changed.');
}

function changesAnything(config: Config, changes: Record<string, string | null>): boolean {
  return Object.entries(changes).some(([name, value]) => (config[name] ?? null) !== value);
}

/**
 * Config vars with changes made to them.
 * @throws ApiError 422 for a name that will not do, or when all together take too much
 */
export function mergeConfig(config: Config, changes: Record<string, string | null>): Config {
  for (const name of Object.keys(changes)) checkName(name);
  const merged = new Map(Object.entries(config));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) merged.delete(name);
    else merged.set(name, value);
  }
  const result = Object.fromEntries([...merged].sort(([a], [b]) => (a < b ? -1 : 1)));
  const size = new TextEncoder().encode(Object.entries(result).flat().join('')).length;
  if (size > MAX_CONFIG) {
    throw invalid(`The config vars would take ${size} bytes; all of an app's together may take ${MAX_CONFIG}.`);
  }
  return result;
}

/** As Heroku describes such a release: `Set A, B config vars`; values stay out of it. */
function describe(changes: Record<string, string | null>): string {
  const names = Object.keys(changes);
  const set = names.filter((name) => changes[name] !== null);
  const removed = names.filter((name) => changes[name] === null);
  const parts = [set.length > 0 && `Set ${set.join(', ')}`, removed.length > 0 && `Remove ${removed.join(', ')}`];
  return `${parts.filter(Boolean).join(', ')} config vars`;
}
