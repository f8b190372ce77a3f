/** Sources ("Platform API Reference", Source): places to upload an archive to, for a build. */
import { eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import { builds } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { database } from '../platform/database.ts';
import { ApiError, invalid } from '../platform/errors.ts';
import { isSigned, signUrl } from '../platform/signed-url.ts';
import { deleteSources, sourceKey } from '../platform/sources.ts';
import { storeUpload } from '../platform/upload.ts';
import type { ApiContext } from './auth.ts';

export const sources = new Hono<ApiContext>();

/** Opened by the URL of a source alone: the URL is the permission. */
export const sourceBlobs = new Hono<ApiContext>();

/** How long the URLs of a source can be used. Milliseconds. */
const VALID_FOR = 60 * 60 * 1000;

/** How long a source is kept for builds to come. Milliseconds. */
const KEPT_FOR = 24 * 60 * 60 * 1000;

sources.post('/sources', async (c) => {
  const url = new URL(`/sources/${crypto.randomUUID()}`, c.req.url);
  const sign = (method: 'GET' | 'PUT') => signUrl(c.env.SECRET_KEY, method, url, Date.now() + VALID_FOR);
  c.executionCtx.waitUntil(deleteOld(c.env));
  return c.json({ source_blob: { get_url: await sign('GET'), put_url: await sign('PUT') } }, 201);
});

sourceBlobs.put('/sources/:source', async (c) => {
  await checkSignature(c, 'PUT');
  await storeUpload(c.env.BUCKET, sourceKey(c.req.param('source')), c.req.raw);
  return c.body(null, 200);
});

sourceBlobs.get('/sources/:source', async (c) => {
  await checkSignature(c, 'GET');
  const source = await c.env.BUCKET.get(sourceKey(c.req.param('source')));
  if (!source) throw new ApiError(404, 'not_found', 'Nothing was uploaded here.');
  return new Response(source.body, { headers: { 'content-type': 'application/gzip' } });
});

async function checkSignature(c: Context<ApiContext>, method: 'GET' | 'PUT'): Promise<void> {
  if (await isSigned(c.env.SECRET_KEY, method, new URL(c.req.url))) return;
  throw new ApiError(403, 'forbidden', 'This URL has expired or is not whole. POST /sources gives a new one.');
}

/**
 * The source that a URL of ours names, or null for a URL of someone else's.
 * @throws ApiError 422 when it has expired, or nothing was uploaded
 */
export async function ownSource(c: Context<ApiContext>, text: string): Promise<string | null> {
  const url = new URL(text);
  const id = idOf(url);
  if (id === undefined) return null;
  if (!(await isSigned(c.env.SECRET_KEY, 'GET', url))) {
    if (url.host !== new URL(c.req.url).host) return null;
    throw invalid('source_blob.url: this source has expired or its URL is not whole. Upload it again.');
  }
  if (await c.env.BUCKET.head(sourceKey(id))) return id;
  throw invalid('source_blob.url: nothing was uploaded to the put_url of this source.');
}

const idOf = ({ pathname }: URL): string | undefined => /^\/sources\/([0-9a-f-]{36})$/.exec(pathname)?.[1];

/** Deletes sources that are old, except what a build still waits for. */
async function deleteOld(env: Env): Promise<void> {
  const pending = await database(env.DB).query.builds.findMany({
    columns: { sourceUrl: true },
    where: eq(builds.status, 'pending'),
  });
  const needed = pending.flatMap(({ sourceUrl }) => (sourceUrl && idOf(new URL(sourceUrl))) || []);
  await deleteSources(env.BUCKET, new Date(Date.now() - KEPT_FOR), new Set(needed));
}
