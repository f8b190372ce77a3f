import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailure } from './failure.ts';

/** An app has no more of them. */
const MAX_TYPES = 100;

/**
 * The process types of an app's Procfile; none where it has no Procfile.
 *
 * @throws BuildFailure when there are too many
 */
export async function readProcfile(tree: string): Promise<Record<string, string>> {
  const types = parseProcfile(await readFile(join(tree, 'Procfile'), 'utf8').catch(() => ''));
  const { length } = Object.keys(types);
  if (length <= MAX_TYPES) return types;
  throw new BuildFailure(`The Procfile has ${length} process types, and an app may have ${MAX_TYPES}.`);
}

/**
 * Procfile: one process type a line, `<type>: <command>` ("The Procfile", Heroku Dev Center). Lines of another form do
 * not count, and of two lines with one type the last does.
 */
export function parseProcfile(text: string): Record<string, string> {
  const types: Record<string, string> = {};
  for (const line of text.split(/\r\n|\r|\n/)) {
    const match = /^([A-Za-z0-9_-]+):\s*(.+?)\s*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) types[match[1]] = match[2];
  }
  return types;
}
