/** The edge Worker: API and git on the control host; where there are no runners, the apps themselves. */
import { Hono } from 'hono';
import { api } from './api/index.ts';
import type { Env } from './env.ts';
import { router } from './hosting.ts';
import { internal } from './internal/index.ts';
import { hasBegun } from './platform/readiness.ts';
import { isControlHost, requestedHost } from './router/hosts.ts';
import { starting } from './router/pages.ts';

export { BuildQueue } from './builds/build-queue.ts';
export { Repository } from './git/index.ts';
export { Dyno } from './hosting.ts';
export { LogChannel } from './logs/log-channel.ts';
export { WebhookChannel } from './webhooks/webhook-channel.ts';

const controlPlane = new Hono<{ Bindings: Env }>()
  .route('/internal', internal)
  .use((c, next) => (hasBegun(c.env) ? next() : Promise.resolve(starting())))
  .route('/', api);

export default {
  fetch(request, env, context) {
    const forApp = env.RUNNERS === '[]' && !isControlHost(requestedHost(request), env.APPS_DOMAIN);
    return forApp ? router.fetch(request, context) : controlPlane.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;
