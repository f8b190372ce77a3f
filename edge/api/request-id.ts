import type { MiddlewareHandler } from 'hono';

/** What a client may name its request: as long as Heroku takes ("HTTP Request IDs"). */
const TAKEN = /^[\w+/=-]{20,200}$/;

/** Names each answer: as the client did in `Request-Id` or `X-Request-Id`, or anew. */
export const requestId: MiddlewareHandler = async (c, next) => {
  const asked = c.req.header('request-id') ?? c.req.header('x-request-id') ?? '';
  await next();
  c.header('Request-Id', TAKEN.test(asked) ? asked : crypto.randomUUID());
};
