import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildContext } from './buildpacks/buildpack.ts';
import { assembleNode } from './buildpacks/nodejs/index.ts';
import { readPackageJson } from './buildpacks/nodejs/package-json.ts';
import type { SlugContents } from './slug.ts';

/**
 * Makes a slug for the runners from one in Heroku's form, whose `app` directory stands in the tree: nothing of it is
 * built or installed.
 *
 * @param processTypes what its maker says it runs: type to command; they take the place of a Procfile
 * @throws BuildFailure when it cannot be run
 */
export async function assembleUploaded(
  processTypes: Readonly<Record<string, string>>,
  context: BuildContext,
): Promise<SlugContents> {
  const lines = Object.entries(processTypes).map(([type, command]) => `${type}: ${command}\n`);
  await writeFile(join(context.tree, 'Procfile'), lines.join(''));
  return assembleNode((await readPackageJson(context.tree)) ?? {}, context);
}
