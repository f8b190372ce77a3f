import type * as Heroku from '@heroku-cli/schema';
import { Hono } from 'hono';
import { type DynoSize, dynoSizes as sizes } from '../platform/dyno-sizes.ts';
import { notFound } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';

export const dynoSizes = new Hono<ApiContext>();

dynoSizes.get('/dyno-sizes', (c) => c.json(sizes.map(sizeResource)));

dynoSizes.get('/apps/:app/available-dyno-sizes', async (c) => {
  await appOf(c);
  return c.json(sizes.map(sizeResource));
});

dynoSizes.get('/dyno-sizes/:size', (c) => {
  const asked = c.req.param('size').toLowerCase();
  const size = sizes.map(sizeResource).find(({ id, name }) => id === asked || name.toLowerCase() === asked);
  if (!size) throw notFound('dyno size');
  return c.json(size);
});

function sizeResource({ name, memory, compute, dedicated, units }: DynoSize) {
  const number = sizes.findIndex((size) => size.name === name) + 1;
  return {
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    architecture: 'amd64',
    compute,
    cost: { cents: 0, unit: 'month' },
    dedicated,
    dyno_units: Math.ceil(units),
    generation: { id: 'cedar', name: 'cedar' },
    memory,
    name,
    precise_dyno_units: units,
    private_space_only: false,
  } satisfies Resource<Heroku.DynoSize, never, 'architecture' | 'generation'>;
}
