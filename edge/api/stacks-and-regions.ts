import { Hono } from 'hono';
import { notFound } from '../platform/errors.ts';
import type { ApiContext } from './auth.ts';
import { region } from './region.ts';
import { stack } from './stack.ts';

/** Of each there is one. */
export const stacksAndRegions = new Hono<ApiContext>();

/** When the platform began to have them: they are part of it. */
const SINCE = '2026-01-01T00:00:00Z';

const times = { created_at: SINCE, updated_at: SINCE };

const stackResource = { ...stack, default: true, state: 'public', ...times };

const regionResource = {
  ...region,
  country: 'Local',
  description: 'Local',
  locale: 'Local',
  private_capable: false,
  provider: { name: 'islet', region: region.name },
  ...times,
};

stacksAndRegions.get('/stacks', (c) => c.json([stackResource]));

stacksAndRegions.get('/stacks/:stack', (c) => c.json(only(stackResource, c.req.param('stack'), 'stack')));

stacksAndRegions.get('/regions', (c) => c.json([regionResource]));

stacksAndRegions.get('/regions/:region', (c) => c.json(only(regionResource, c.req.param('region'), 'region')));

/** @throws ApiError 404 for another's id or name */
function only<T extends { id: string; name: string }>(one: T, asked: string, thing: string): T {
  if (asked === one.id || asked === one.name) return one;
  throw notFound(thing);
}
