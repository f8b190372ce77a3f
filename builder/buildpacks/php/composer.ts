/** What an app's composer.json and composer.lock ask for ("The composer.json schema", Composer documentation). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import * as z from 'zod';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';

/** What Composer calls platform packages. */
export interface Platform {
  /** PHP's version. */
  php: string;
  /** Names without `ext-`. */
  extensions: ReadonlySet<string>;
}

const requirements = z.record(z.string(), z.string()).catch({});
const manifest = z.object({ require: requirements.optional() });

/**
 * @returns the extensions that the app asks for
 * @throws BuildFailure when the platform has not what is asked for
 */
export async function composerInstall(platform: Platform, { tree }: BuildContext): Promise<{ asked: string[] }> {
  if (!existsSync(join(tree, 'composer.json'))) return { asked: [] };
  const { require = {} } = manifest.parse(JSON.parse(await readFile(join(tree, 'composer.json'), 'utf8')));
  checkPlatform(require, 'composer.json', platform);
  return { asked: Object.keys(require).flatMap((name) => (name.startsWith('ext-') ? [name.slice(4)] : [])) };
}

function checkPlatform(asked: Readonly<Record<string, string>>, who: string, platform: Platform): void {
  for (const [name, constraint] of Object.entries(asked)) {
    if (
      name === 'php' &&
      !semver.satisfies(platform.php, constraint.replace(/\s*\|\|?\s*/g, ' || ').replaceAll(',', ' '))
    ) {
      throw new BuildFailure(`${who} requires php ${constraint}; Islet has ${platform.php} alone.`);
    }
    if (name.startsWith('ext-') && !platform.extensions.has(name.slice(4).toLowerCase())) {
      throw new BuildFailure(`${who} requires ${name}, which PHP on Islet has not.`, {
        help: [`It has ${[...platform.extensions].sort().join(', ')}.`],
      });
    }
  }
}
