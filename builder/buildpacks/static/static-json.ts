import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { BuildFailure } from '../../failure.ts';
import type { BuildLog } from '../../log.ts';

/** `static.json`, as far as Heroku's buildpack for static sites documents what Islet can do. */
const staticJson = z.looseObject({
  /** The directory with the files. */
  root: z.string().default('public_html'),
  /** Whether `/about` serves about.html. */
  clean_urls: z.boolean().default(false),
  /** The page for what is not there. */
  error_page: z.string().optional(),
  /** What to serve for paths that are no files: `{ "/**": "index.html" }`. */
  routes: z.record(z.string(), z.string()).default({}),
  redirects: z
    .record(z.string(), z.union([z.string(), z.object({ url: z.string(), status: z.number().int().default(301) })]))
    .default({}),
  /** By path, header by header. */
  headers: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

export type StaticJson = z.infer<typeof staticJson>;

/** What Heroku's buildpack does beyond this and Islet does in another way or not at all. */
const UNSUPPORTED = ['https_only', 'basic_auth', 'proxies', 'encoding', 'debug', 'canonical_host'];

/**
 * Reads an app's static.json.
 *
 * @returns undefined when there is none
 * @throws BuildFailure when it cannot be read
 */
export async function readStaticJson(tree: string): Promise<StaticJson | undefined> {
  const text = await readFile(join(tree, 'static.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new BuildFailure('static.json is not valid JSON.', {
      details: [error instanceof Error ? error.message : String(error)],
    });
  }
  const parsed = staticJson.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BuildFailure(`static.json is wrong at ${issue?.path.join('.') || 'its root'}: ${issue?.message}.`);
}

/** Names what has no effect. */
export function reportUnsupported(json: StaticJson, log: BuildLog): void {
  for (const key of UNSUPPORTED) if (key in json) log.warn(`static.json: ${key} has no effect on Islet.`);
}

/** Its redirects and routes in the form of `_redirects`. */
export function redirectsOf({ redirects, routes }: StaticJson): string {
  const lines = [
    ...Object.entries(redirects).map(([from, to]) =>
      typeof to === 'string' ? `${from} ${to} 301` : `${from} ${to.url} ${to.status}`,
    ),
    ...Object.entries(routes)
      .filter(([from]) => !isEverything(from))
      .map(([from, to]) => `${from.replace('**', '*')} /${to.replace(/^\//, '')} 200`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Its headers in the form of `_headers`. */
export function headersOf({ headers }: StaticJson): string {
  return Object.entries(headers)
    .map(
      ([path, fields]) =>
        `${path.replace('**', '*')}\n${Object.entries(fields)
          .map(([name, value]) => `  ${name}: ${value}\n`)
          .join('')}`,
    )
    .join('');
}

/** What every path that is no file serves: `index.html`, for a single-page app. */
export const fallbackOf = ({ routes }: StaticJson): string | undefined =>
  Object.entries(routes).find(([from]) => isEverything(from))?.[1];

const isEverything = (route: string) => route === '/**' || route === '/*';
