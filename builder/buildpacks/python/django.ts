/** Django's static files, which the build collects as Heroku does ("Django and Static Assets", Heroku Dev Center). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';
import { runCommand } from './command.ts';
import { SITE_PACKAGES } from './pip.ts';

const COMMAND = 'python manage.py collectstatic --noinput';

/** What manage.py says of an app without `django.contrib.staticfiles`. */
const UNKNOWN = "Unknown command: 'collectstatic'";

/**
 * Collects the static files of a Django app, unless it says DISABLE_COLLECTSTATIC.
 *
 * @throws BuildFailure when Django cannot
 */
export async function collectStatic(context: BuildContext): Promise<void> {
  const { tree, config, log, phase } = context;
  if (!existsSync(join(tree, 'manage.py')) || !existsSync(join(tree, SITE_PACKAGES, 'django'))) return;
  if (config.DISABLE_COLLECTSTATIC && config.DISABLE_COLLECTSTATIC !== '0') {
    log.step('Skipping Django collectstatic since the env var DISABLE_COLLECTSTATIC is set.');
    return;
  }
  log.step(`$ ${COMMAND}`);
  let output = '';
  const print = (text: string): void => {
    output += text;
  };
  const exitCode = await phase('commands', () => runCommand(COMMAND, context, print));
  if (exitCode === 0 || output.includes(UNKNOWN)) {
    const last = output.trim().split('\n').at(-1) ?? '';
    log.detail(exitCode === 0 ? last : 'Skipping, as django.contrib.staticfiles is not among INSTALLED_APPS.');
    return;
  }
  throw new BuildFailure('Error: Unable to generate Django static files.', {
    details: output.trim().split('\n'),
    help: [
      `\`${COMMAND}\` has failed, and its output above says why.`,
      'If the app serves no static files, set the config var DISABLE_COLLECTSTATIC to 1.',
    ],
  });
}
