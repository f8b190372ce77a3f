import * as z from 'zod';

/**
 * How an app's static files are served. The words are those of Cloudflare's static assets ("HTML handling" and
 * "Serving strategies" in the documentation of Workers).
 */
export const assetsConfig = z.object({
  /** Where they are below `files/` in the slug: `dist`; empty for all of them. */
  directory: z.string(),
  /** `index` is not Cloudflare's: a directory serves its index.html, any other page is asked for with its `.html`. */
  htmlHandling: z
    .enum(['auto-trailing-slash', 'force-trailing-slash', 'drop-trailing-slash', 'index', 'none'])
    .default('auto-trailing-slash'),
  notFoundHandling: z.enum(['none', '404-page', 'single-page-application']).default('none'),
  /** Whether the Worker is asked before the files are. */
  runWorkerFirst: z.boolean().default(false),
  /** The name under which the Worker finds the files in its `env`. */
  binding: z.string().optional(),
});

export type AssetsConfig = z.infer<typeof assetsConfig>;
