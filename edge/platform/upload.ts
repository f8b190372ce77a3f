import { ApiError } from './errors.ts';

/** The largest archive that is taken, as large as a slug may be at Heroku. Bytes. */
const MAX_UPLOAD = 500 * 1024 * 1024;

/**
 * Stores the body of a PUT in R2, once: what is there stays.
 * @throws ApiError 411 when its length is not said before, 413 when it is too large, 409 when something is there
 */
export async function storeUpload(bucket: R2Bucket, key: string, request: Request): Promise<R2Object> {
  const length = request.headers.get('content-length');
  if (length === null || !request.body) {
    throw new ApiError(411, 'length_required', 'Send the archive as the body, with its size as Content-Length.');
  }
  if (Number(length) > MAX_UPLOAD) {
    throw new ApiError(413, 'too_large', `The archive has ${length} bytes; it may have ${MAX_UPLOAD} at most.`);
  }
  const stored = await bucket.put(key, request.body, { onlyIf: new Headers({ 'if-none-match': '*' }) });
  if (!stored) throw new ApiError(409, 'conflict', 'An archive was uploaded here already. Ask for a new URL.');
  return stored;
}
