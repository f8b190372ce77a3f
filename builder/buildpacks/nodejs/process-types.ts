import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { readProcfile } from '../../procfile.ts';
import { findSite } from '../static/site.ts';
import { findServer } from './framework-servers.ts';
import type { PackageJson } from './package-json.ts';
import { buildScript } from './scripts.ts';
import { findFile } from './start-command.ts';

export interface ProcessTypes {
  /** From the Procfile. */
  declared: Record<string, string>;
  /** What buildpacks add: what others name, and `web`, unless the Procfile has it or nothing says how to start. */
  defaults: Record<string, string>;
  /** Where the build left a site that needs no process: `dist`. Only when there is nothing to start. */
  site?: string;
  /** The command that the site is served instead of. */
  instead?: string;
}

/** Where tools leave a site: Vite and Astro; Create React App and SvelteKit; Next.js; Eleventy; Nuxt; VitePress. */
const SITES = ['dist', 'build', 'out', '_site', '.output/public', 'docs/.vitepress/dist', '.vitepress/dist', 'public'];

/**
 * Finds an app's process types: the Procfile's, and a `web` from `scripts.start`, else `main`, else `server.js` or
 * `index.js` ("Heroku Node.js Support", default web process type). An app with none of these may have built the server of
 * a framework, or a site.
 *
 * @throws BuildFailure when there is nothing to start
 */
export async function findProcessTypes(
  tree: string,
  { scripts, main }: PackageJson,
  named: Readonly<Record<string, string>>,
): Promise<ProcessTypes> {
  const declared = await readProcfile(tree);
  const defaults = Object.fromEntries(Object.entries(named).filter(([type]) => !Object.hasOwn(declared, type)));
  if (declared.web !== undefined || defaults.web !== undefined) return { declared, defaults };

  const instead = siteInstead(tree, scripts);
  if (instead !== undefined) return { declared, defaults: {}, site: instead, instead: scripts?.start ?? '' };
  if (scripts?.start !== undefined) return { declared, defaults: { ...defaults, web: 'npm start' } };
  const file = [main, 'server.js', 'index.js'].find((path) => path !== undefined && findFile(tree, path) !== undefined);
  if (file !== undefined) return { declared, defaults: { ...defaults, web: `node ${file}` } };
  if (Object.keys({ ...declared, ...defaults }).length > 0) return { declared, defaults };
  const built = scripts !== undefined && buildScript({ scripts }) !== undefined;
  const server = built ? findServer(tree) : undefined;
  if (server !== undefined) return { declared, defaults: { web: `node ${server}` } };
  const site = built ? findSite(tree, sites(tree)) : undefined;
  if (site !== undefined) return { declared, defaults: {}, site };
  throw new BuildFailure('Nothing says how to start this app.', {
    details: !existsSync(join(tree, 'Procfile')) ? [] : ['The Procfile has no line of the form `web: <command>`.'],
    help: ['Add a Procfile with a line such as `web: node server.js`, or a "start" script to package.json.'],
  });
}

/** Where a build may have left a site. Angular gives each project a directory of its own in `dist`. */
function sites(tree: string): string[] {
  const dist = join(tree, 'dist');
  const projects = existsSync(dist) ? readdirSync(dist).map((project) => `dist/${project}/browser`) : [];
  return [...SITES, ...projects];
}

/** Commands that serve to whom develops, and compile meanwhile. */
const DEVELOPMENT =
  /^(ng serve|vite( dev| serve| preview)?|vue-cli-service serve|react-scripts start|docusaurus (start|serve)|webpack(-dev-server| serve)|vitepress (dev|preview)|astro (dev|preview)|eleventy --serve)\b/;

/**
 * The site that a build has left, where `scripts.start` names what templates have there and what would serve nothing else:
 * `next start` after an export, a server for development.
 */
function siteInstead(tree: string, scripts: PackageJson['scripts'] = {}): string | undefined {
  const start = scripts.start ?? '';
  if (/^next start\b/.test(start)) return findSite(tree, ['out']);
  const isDevelopment = DEVELOPMENT.test(start) && buildScript({ scripts }) !== undefined;
  return isDevelopment && findServer(tree) === undefined ? findSite(tree, sites(tree)) : undefined;
}
