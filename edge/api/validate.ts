import type { Context } from 'hono';
import type { z } from 'zod';
import { ApiError, invalid } from '../platform/errors.ts';

/** Larger bodies are refused: no request of the API needs more. Bytes. */
const MAX_BODY = 1024 * 1024;

/**
 * The request's JSON body, checked; an empty body counts as `{}`.
 * @throws ApiError 400 when it is not JSON, 413 when it is too large, 422 naming the field that will not do
 */
export async function body<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  const text = await c.req.text();
  if (text.length > MAX_BODY) throw new ApiError(413, 'bad_request', `The body is larger than ${MAX_BODY} bytes.`);
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
