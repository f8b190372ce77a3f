import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AssetsConfig } from '../../../schema/assets.ts';
import { listFiles } from '../../files.ts';
import type { SlugContents } from '../../slug.ts';

/** The Worker of a site that has none of its own. */
export const SITE_WORKER = Buffer.from('export default { fetch: (request, env) => env.ASSETS.fetch(request) };\n');

/** What the process type `web` of a site is called: nobody types it. */
const COMMAND = 'static-web-server';

export interface SiteOptions {
  /** As the API describes the app: `Static`. */
  language: string;
  htmlHandling?: AssetsConfig['htmlHandling'];
  notFoundHandling: AssetsConfig['notFoundHandling'];
  /** Files beside those of the directory, or in their place, by their path in it, to their absolute path. */
  extra?: ReadonlyMap<string, string>;
}

/**
 * Makes a slug that serves a directory of an app.
 *
 * What begins with a dot stays out of it, but `.well-known`.
 *
 * @param directory relative to the tree; empty for all of it
 */
export function site(
  tree: string,
  directory: string,
  { language, htmlHandling = 'auto-trailing-slash', notFoundHandling, extra = new Map() }: SiteOptions,
): SlugContents {
  const prefix = directory === '' ? '' : `${directory}/`;
  const files = new Map(
    [...listFiles(tree)].filter(([path]) => path.startsWith(prefix) && isPublic(path.slice(prefix.length))),
  );
  for (const [path, file] of extra) files.set(prefix + path, file);
  return {
    manifest: {
      version: 1,
      runtime: 'worker',
      language,
      env: {},
      processTypes: { web: { command: COMMAND, entry: 'web.js' } },
      assets: { directory, htmlHandling, notFoundHandling, runWorkerFirst: false, binding: 'ASSETS' },
      modules: { 'web.js': { type: 'esm' } },
    },
    code: new Map([['web.js', SITE_WORKER]]),
    files,
  };
}

/** The first of some directories with an index.html in it. */
export const findSite = (tree: string, directories: readonly string[]): string | undefined =>
  directories.find((directory) => existsSync(join(tree, directory, 'index.html')));

/** A page for what is not there, if the site brings one. */
export const has404 = (tree: string, directory: string): boolean => existsSync(join(tree, directory, '404.html'));

const isPublic = (path: string) =>
  path.split('/').every((name) => !name.startsWith('.') || name === '.well-known') && !DEPLOYMENT.has(path);

/** What tells Islet and Heroku of the app, and nobody else. */
const DEPLOYMENT = new Set(['Procfile', 'app.json', 'static.json', 'project.toml', 'heroku.yml']);
