/** Assets, which the build compiles as Heroku does ("Rails Asset Pipeline on Heroku", Heroku Dev Center). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { runInMachine } from '../../run-in-machine.ts';
import type { BuildContext } from '../buildpack.ts';
import { BIN } from './binstubs.ts';
import { engineFile } from './engine.ts';
import { rubyPrograms } from './machine.ts';

const TASK = 'assets:precompile';

/** What rake looks for ("Rake::Application::DEFAULT_RAKEFILES"). */
const RAKEFILES = ['rakefile', 'Rakefile', 'rakefile.rb', 'Rakefile.rb'];

/** The exit code that says that there is no such task. */
const NO_TASK = 111;

/**
 * Runs `rake assets:precompile` where an app has the gem rake, a Rakefile and that task.
 *
 * @param env what the app's own environment has before its config vars
 * @throws BuildFailure when the task fails
 */
export async function precompileAssets(context: BuildContext, env: Readonly<Record<string, string>>): Promise<void> {
  const { tree, config, log, phase } = context;
  const hasRake = existsSync(join(tree, BIN, 'rake')) && RAKEFILES.some((name) => existsSync(join(tree, name)));
  if (!hasRake) return;
  log.step('Detecting rake tasks');
  let output = '';
  const line = `rake -P > /tmp/tasks || { cat /tmp/tasks; exit ${NO_TASK}; }
    grep -q '^rake ${TASK}$' /tmp/tasks || exit ${NO_TASK}
    rake ${TASK}`;
  const programs = await rubyPrograms(await readFile(await engineFile(context)));
  const exitCode = await phase('commands', () =>
    runInMachine(line, context, {
      programs,
      env: { ...env, ...config, PATH: `/app/${BIN}:/usr/local/bin:/usr/bin:/bin` },
      print: (text) => {
        output += text;
      },
    }),
  );
  const lines = output.trim().split('\n').filter(Boolean);
  if (exitCode === NO_TASK) {
    // As on Heroku, a Rakefile that does not load is not the end of the build.
    if (lines.length > 0) log.detail('Could not detect rake tasks:', ...lines);
    return;
  }
  if (exitCode !== 0) throw new BuildFailure('Precompiling assets failed.', { details: lines });
  log.step('Preparing app for Rails asset pipeline');
  log.detail(`Running: rake ${TASK}`, ...lines);
}
