/** Slugs ("Platform API Reference", Slug; "Creating Slugs from Scratch"): what is built elsewhere, uploaded and released. */
import type * as Heroku from '@heroku-cli/schema';
import { eq } from 'drizzle-orm';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { slugs as slugsTable } from '../../schema/tables.ts';
import { findApp } from '../platform/apps.ts';
import { checksum } from '../platform/checksum.ts';
import { database, now } from '../platform/database.ts';
import { ApiError, notFound } from '../platform/errors.ts';
import type { Slug } from '../platform/releases.ts';
import { isSigned, laterDay, signUrl } from '../platform/signed-url.ts';
import { slugKey, uploadPrefix } from '../platform/slugs.ts';
import { storeUpload } from '../platform/upload.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { stack } from './stack.ts';
import { body } from './validate.ts';

export const slugs = new Hono<ApiContext>();

/** Opened by the URL of a slug's blob alone: the URL is the permission. */
export const slugBlobs = new Hono<ApiContext>();

/** How long a slug can be uploaded. Milliseconds. */
const VALID_FOR = 60 * 60 * 1000;

const BLOBS = '/slug-blobs';

const create = z.object({
  process_types: z.record(
    z.string().regex(/^[-\w]{1,128}$/, 'a process type has letters, digits, dashes and underscores'),
    z
      .string()
      .min(1)
      .max(4096)
      .regex(/^[^\r\n]*$/, 'a command is one line'),
  ),
  buildpack_provided_description: z.string().max(256).nullish(),
  checksum: checksum.nullish(),
  commit: z.string().max(1024).nullish(),
  commit_description: z.string().max(1024).nullish(),
  stack: z
    .string()
    .regex(
      /^(islet-1|heroku-\d+|cedar-14)$/,
      `there is one stack here, ${stack.name}; what is made for Heroku's runs on it too`,
    )
    .nullish(),
});

slugs.post('/apps/:app/slugs', async (c) => {
  const app = await appOf(c);
  const asked = await body(c, create);
  const slug: Slug = {
    id: crypto.randomUUID(),
    appId: app.id,
    sha256: null,
    size: null,
    checksum: asked.checksum ?? null,
    commit: asked.commit ?? null,
    commitDescription: asked.commit_description ?? null,
    language: asked.buildpack_provided_description ?? null,
    processTypes: asked.process_types,
    createdAt: now(),
  };
  await database(c.env.DB).insert(slugsTable).values(slug);
  return c.json(await slugResource(c, slug, 'PUT'), 201);
});

slugs.on('GET', ['/apps/:app/slugs/:slug', '/slugs/:slug'], async (c) => {
  const app = c.req.param('app') === undefined ? undefined : await appOf(c);
  const slug = await findSlug(c, c.req.param('slug'));
  if (app && slug.appId !== app.id) throw notFound('slug');
  return c.json(await slugResource(c, slug, 'GET'));
});

/**
 * A slug of an app that the caller may see.
 * @throws ApiError 404
 */
export async function findSlug(c: Context<ApiContext>, id: string): Promise<Slug> {
  const slug = await database(c.env.DB).query.slugs.findFirst({ where: eq(slugsTable.id, id) });
  if (!slug) throw notFound('slug');
  await findApp(c.env, c.get('user').id, slug.appId).catch(() => {
    throw notFound('slug');
  });
  return slug;
}

slugBlobs.put(`${BLOBS}/:app/:slug`, async (c) => {
  const { id, key } = await signedBlob(c, 'PUT');
  const { size } = await storeUpload(c.env.BUCKET, key, c.req.raw);
  await database(c.env.DB).update(slugsTable).set({ size }).where(eq(slugsTable.id, id));
  return c.body(null, 200);
});

/** What was uploaded; of a slug that was built here, the archive that its dynos run. */
slugBlobs.get(`${BLOBS}/:app/:slug`, async (c) => {
  const { id, key } = await signedBlob(c, 'GET');
  const slug = await database(c.env.DB).query.slugs.findFirst({ where: eq(slugsTable.id, id) });
  const uploaded = await c.env.BUCKET.get(key);
  const blob = uploaded ?? (slug?.sha256 ? await c.env.BUCKET.get(slugKey(slug.sha256)) : null);
  if (!blob) throw new ApiError(404, 'not_found', 'Nothing was uploaded here.');
  return new Response(blob.body, { headers: { 'content-type': uploaded ? 'application/gzip' : 'application/x-tar' } });
});

/** The slug that a signed URL names, and where its upload is. */
async function signedBlob(c: Context<ApiContext>, method: 'GET' | 'PUT'): Promise<{ id: string; key: string }> {
  if (!(await isSigned(c.env.SECRET_KEY, method, new URL(c.req.url)))) {
    throw new ApiError(403, 'forbidden', 'This URL has expired or is not whole. The slug has a new one.');
  }
  const { app = '', slug: id = '' } = c.req.param() as Record<string, string>;
  return { id, key: uploadPrefix(app) + id };
}

async function slugResource(c: Context<ApiContext>, slug: Slug, method: 'GET' | 'PUT') {
  const url = new URL(`${BLOBS}/${slug.appId}/${slug.id}`, c.req.url);
  const expires = method === 'PUT' ? Date.now() + VALID_FOR : laterDay();
  return {
    id: slug.id,
    app: { id: slug.appId },
    blob: { method: method.toLowerCase(), url: await signUrl(c.env.SECRET_KEY, method, url, expires) },
    buildpack_provided_description: slug.language,
    checksum: slug.checksum,
    commit: slug.commit,
    commit_description: slug.commitDescription,
    created_at: slug.createdAt,
    process_types: slug.processTypes,
    size: slug.size,
    stack,
    updated_at: slug.createdAt,
  } satisfies Resource<Heroku.Slug, never, 'app'>;
}
