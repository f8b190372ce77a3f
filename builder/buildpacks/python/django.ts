/** Django's static files, which the build collects as Heroku does ("Django and Static Assets", Heroku Dev Center). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyChanges, createSandbox, LimitError } from '../../../sandbox/index.ts';
import { BuildFailure } from '../../failure.ts';
import { machineOptions, overLimit } from '../../machine-options.ts';
import type { BuildContext } from '../buildpack.ts';
import { engineFiles } from './engine.ts';
import { pythonPrograms } from './machine.ts';
import { SITE_PACKAGES } from './pip.ts';
import { snapshotFile } from './snapshot.ts';

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
  const { exitCode, output } = await phase('commands', () => runManage(context));
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

async function runManage(context: BuildContext): Promise<{ exitCode: number | null; output: string }> {
  const { tree, config, signal } = context;
  const files = [...engineFiles(), ['snapshot.bin', await snapshotFile(context.cache)] as const];
  const engine = await Promise.all(files.map(async ([name, file]) => [name, await readFile(file)] as const));
  const sandbox = await createSandbox(machineOptions(context));
  try {
    await sandbox.writeEntries(await pythonPrograms(new Map(engine)));
    await sandbox.importDirectory(tree, '/app');
    const decoder = new TextDecoder();
    let output = '';
    const take = (chunk: Uint8Array) => {
      output += decoder.decode(chunk, { stream: true });
    };
    const { exitCode } = await sandbox.run(COMMAND, {
      cwd: '/app',
      env: config,
      onStdout: take,
      onStderr: take,
    });
    if (exitCode === 0) await applyChanges(await sandbox.exportChanges('/app'), tree);
    return { exitCode, output };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LimitError) throw overLimit(error);
    throw error;
  } finally {
    await sandbox.close();
  }
}
