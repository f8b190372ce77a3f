/** The edge Worker: API and git on the control host; on Cloudflare also the apps themselves. */
import { Hono } from 'hono';
import { api } from './api/index.ts';
import type { Env } from './env.ts';
import { internal } from './internal/index.ts';

export { BuildQueue } from './builds/build-queue.ts';
export { Repository } from './git/index.ts';
export { LogChannel } from './logs/log-channel.ts';

export default new Hono<{ Bindings: Env }>().route('/internal', internal).route('/', api);
