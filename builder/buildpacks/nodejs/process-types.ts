import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { parseProcfile } from '../../procfile.ts';
import type { PackageJson } from './package-json.ts';
import { findFile } from './start-command.ts';

export interface ProcessTypes {
  /** From the Procfile. */
  declared: Record<string, string>;
  /** What the buildpack adds: `web`, unless the Procfile has it or nothing says how to start. */
  defaults: Record<string, string>;
}

/**
 * Finds an app's process types: the Procfile's, and a `web` from `scripts.start`, else `main`, else `server.js` or
 * `index.js` ("Heroku Node.js Support", default web process type).
 *
 * @throws BuildFailure when there is nothing to start
 */
export async function findProcessTypes(tree: string, { scripts, main }: PackageJson): Promise<ProcessTypes> {
  const text = await readFile(join(tree, 'Procfile'), 'utf8').catch(() => undefined);
  const declared = text === undefined ? {} : parseProcfile(text);
  if (declared.web !== undefined) return { declared, defaults: {} };

  if (scripts?.start !== undefined) return { declared, defaults: { web: 'npm start' } };
  const file = [main, 'server.js', 'index.js'].find((path) => path !== undefined && findFile(tree, path) !== undefined);
  if (file !== undefined) return { declared, defaults: { web: `node ${file}` } };
  if (Object.keys(declared).length > 0) return { declared, defaults: {} };
  throw new BuildFailure('Nothing says how to start this app.', {
    details: text === undefined ? [] : ['The Procfile has no line of the form `web: <command>`.'],
    help: ['Add a Procfile with a line such as `web: node server.js`, or a "start" script to package.json.'],
  });
}
