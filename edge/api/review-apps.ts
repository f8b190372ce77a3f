import { Hono } from 'hono';
import { invalid, notFound } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { pipelineOf } from './pipelines.ts';

/** Review apps follow pull requests of GitHub, which the platform has no part in: whoever asks learns what to do instead. */
export const reviewApps = new Hono<ApiContext>();

const refused = () =>
  invalid(
    'Review apps follow pull requests on GitHub, which Islet is not connected to. Create an app, add it to the pipeline in the stage review, and push the branch to it.',
  );

reviewApps.get('/pipelines/:pipeline/review-app-config', async (c) => {
  await pipelineOf(c);
  throw notFound('review app config');
});

reviewApps.on(['POST', 'PATCH', 'DELETE'], '/pipelines/:pipeline/review-app-config', async (c) => {
  await pipelineOf(c);
  throw refused();
});

reviewApps.get('/pipelines/:pipeline/review-apps', async (c) => {
  await pipelineOf(c);
  return c.json([]);
});

reviewApps.on('GET', ['/pipelines/:pipeline/repo', '/pipelines/:pipeline/repo/*'], async (c) => {
  await pipelineOf(c);
  throw refused();
});

reviewApps.post('/review-apps', () => {
  throw refused();
});

reviewApps.get('/review-apps/:reviewApp', () => {
  throw notFound('review app');
});

reviewApps.get('/apps/:app/review-app', async (c) => {
  await appOf(c);
  throw notFound('review app');
});
