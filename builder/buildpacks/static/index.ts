/** The buildpack of static sites: files that are served as they are. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import type { BuildLog } from '../../log.ts';
import { isInside } from '../../paths.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { findSite, has404, site } from './site.ts';
import {
  fallbackOf,
  headersOf,
  readStaticJson,
  redirectsOf,
  reportUnsupported,
  type StaticJson,
} from './static-json.ts';

/** Where a site may be when no static.json says so. */
const DIRECTORIES = ['', 'public', 'dist', '_site'];

export const staticSite: Buildpack = {
  name: 'heroku-community/static',
  async detect(tree) {
    const json = await readStaticJson(tree);
    if (json) return (context) => buildConfigured(json, context);
    const directory = findSite(tree, DIRECTORIES);
    return directory === undefined ? undefined : (context) => buildPlain(directory, context);
  },
};

async function buildPlain(directory: string, { tree, log }: BuildContext): Promise<Assemble> {
  announce(directory, log);
  return async () =>
    site(tree, directory, {
      language: 'Static',
      notFoundHandling: has404(tree, directory) ? '404-page' : 'none',
    });
}

async function buildConfigured(json: StaticJson, { tree, scratch, log }: BuildContext): Promise<Assemble> {
  const directory = posix.normalize(json.root).replace(/^\.?\/|^\.$|\/$/g, '');
  if (!isInside(tree, join(tree, directory)) || !existsSync(join(tree, directory))) {
    throw new BuildFailure(`static.json: the app has no directory ${json.root}.`, {
      help: ['Set `root` to the directory with the files of the site, such as "dist".'],
    });
  }
  announce(directory, log);
  reportUnsupported(json, log);
  const extra = new Map<string, string>();
  const rules = { _redirects: redirectsOf(json), _headers: headersOf(json) };
  await mkdir(join(scratch, 'static'), { recursive: true });
  for (const [name, text] of Object.entries(rules)) {
    if (text === '') continue;
    extra.set(name, join(scratch, 'static', name));
    await writeFile(join(scratch, 'static', name), text);
  }
  if (json.error_page !== undefined) extra.set('404.html', pageOf(json.error_page, join(tree, directory)));
  const fallback = fallbackOf(json);
  return async () =>
    site(tree, directory, {
      language: 'Static',
      htmlHandling: json.clean_urls ? 'auto-trailing-slash' : 'index',
      notFoundHandling: fallback ? 'single-page-application' : extra.has('404.html') ? '404-page' : 'none',
      extra,
    });
}

function pageOf(path: string, root: string): string {
  const file = join(root, path);
  if (isInside(root, file) && existsSync(file)) return file;
  throw new BuildFailure(`static.json: the error page ${path} is not there.`);
}

function announce(directory: string, log: BuildLog): void {
  log.step('Static site detected');
  log.detail(`Serving ${directory === '' ? 'the whole repository' : `${directory}/`}`);
}
