import { Hono } from 'hono';
import { ApiError } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';

/** There are none: lists are empty, and whoever wants one learns what to do instead. */
export const addons = new Hono<ApiContext>();

addons.get('/apps/:app/addons', async (c) => {
  await appOf(c);
  return c.json([]);
});

addons.post('/apps/:app/addons', async (c) => {
  await appOf(c);
  const message = 'Islet has no add-ons. Run the service elsewhere and set its URL as a config var.';
  throw new ApiError(422, 'invalid_params', message);
});
