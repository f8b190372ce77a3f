import type { MiddlewareHandler } from 'hono';

/**
 * Gives JSON that is read an ETag, and answers 304 to who has that version already ("Platform API Reference",
 * "Caching").
 */
export const etag: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.req.method !== 'GET' || !c.res.headers.get('content-type')?.startsWith('application/json')) return;
  if (c.res.status !== 200 && c.res.status !== 206) return;
  const text = await c.res.clone().text();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  // A page's position is in its headers, which the tag stands for too.
  const range = c.res.headers.get('content-range') ?? '';
  const tag = `"${hash.subarray(0, 16).toHex()}${range && `-${range.replace(/[^\x21\x23-\x7e]/g, '')}`}"`;
  const known = c.req.header('if-none-match');
  if (known?.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)) {
    c.res = new Response(null, { status: 304, headers: c.res.headers });
    c.res.headers.delete('content-type');
    c.res.headers.delete('content-length');
  }
  c.res.headers.set('etag', tag);
};
