import { Hono } from 'hono';
import * as z from 'zod';
import { signLogUrl, verifyLogUrl } from '../logs/signed-url.ts';
import { now } from '../platform/database.ts';
import { ApiError } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import { body } from './validate.ts';

export const logSessions = new Hono<ApiContext>();

/** Opened by the URL of a session alone: the URL is the permission. */
export const logStream = new Hono<ApiContext>();

const session = z.object({
  lines: z.int().min(0).max(1500).default(100),
  tail: z.boolean().default(false),
  source: z.string().optional(),
  dyno: z.string().optional(),
});

logSessions.post('/apps/:app/log-sessions', async (c) => {
  const app = await appOf(c);
  const filter = await body(c, session);
  const createdAt = now();
  return c.json(
    {
      id: crypto.randomUUID(),
      created_at: createdAt,
      updated_at: createdAt,
      logplex_url: await signLogUrl(c.env.SECRET_KEY, new URL(c.req.url).origin, app.id, filter),
    },
    201,
  );
});

logStream.get('/logs/:app', async (c) => {
  const appId = c.req.param('app');
  const filter = await verifyLogUrl(c.env.SECRET_KEY, appId, new URL(c.req.url));
  if (!filter) throw new ApiError(403, 'forbidden', 'This log session has expired. Open a new one.');
  const lines = await c.env.LOG_CHANNEL.get(c.env.LOG_CHANNEL.idFromName(appId)).read(filter);
  if (!c.req.header('accept')?.includes('text/event-stream')) {
    return new Response(lines, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
  }
  return new Response(lines.pipeThrough(eventStream()), { headers: { 'content-type': 'text/event-stream' } });
});

/** Lines as server-sent events, one a line, as `heroku logs` reads them (HTML Standard, "Server-sent events"). */
function eventStream(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return new TransformStream({
    transform(chunk, controller) {
      // The channel sends whole lines.
      const lines = decoder.decode(chunk).trimEnd().split('\n');
      controller.enqueue(encoder.encode(lines.map((line) => `data: ${line}\n\n`).join('')));
    },
  });
}
