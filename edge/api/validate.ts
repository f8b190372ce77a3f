import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { z } from 'zod';
import { ApiError, invalid } from '../platform/errors.ts';
import type { ApiContext } from './auth.ts';

/** Larger bodies are refused: no request of the API needs more. Bytes. */
const MAX_BODY = 1024 * 1024;

/** So much of a body that is too large is read, as clients read no answer before they have sent theirs. Bytes. */
const MAX_DISCARDED = 16 * MAX_BODY;

const limit = bodyLimit({
  maxSize: MAX_BODY,
  onError: async (c) => {
    await discard(c.req.raw.body);
    throw new ApiError(413, 'bad_request', `The body is larger than ${MAX_BODY} bytes.`);
  },
});

async function discard(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (!body || body.locked) return;
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_DISCARDED) return;
  }
}

/** Reads no more of a body than that, whatever its headers say; git's packs have limits of their own. */
export const limitBody: MiddlewareHandler<ApiContext> = (c, next) =>
  /^\/[^/]+\.git\//.test(c.req.path) ? next() : limit(c, next);

/**
 * The request's JSON body, checked; an empty body counts as `{}`.
 * @throws ApiError 400 when it is not JSON, 422 naming the field that will not do
 */
export async function body<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  const text = await c.req.text();
  let value: unknown;
  try {
    value = text.trim() ? JSON.parse(text) : {};
  } catch {
    throw new ApiError(400, 'bad_request', 'The body is not valid JSON.');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.');
  throw invalid(field ? `${field}: ${issue?.message}` : (issue?.message ?? 'The body will not do.'));
}
