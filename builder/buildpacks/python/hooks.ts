/** The app's own scripts of a build: `bin/pre_compile` and `bin/post_compile`, as Heroku's `heroku/python` runs them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';
import { runCommand } from './command.ts';

/**
 * Runs one of them, where the app has it.
 *
 * @throws BuildFailure when it fails
 */
export async function runHook(name: 'pre_compile' | 'post_compile', context: BuildContext): Promise<void> {
  const { tree, log, phase } = context;
  const file = `bin/${name}`;
  if (!existsSync(join(tree, file))) return;
  log.step(`Running ${file} hook`);
  let rest = '';
  const print = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) log.detail(...lines);
  };
  const exitCode = await phase('commands', () => runCommand(`bash ${file}`, context, print));
  if (rest) log.detail(rest);
  if (exitCode !== 0) {
    throw new BuildFailure(`The script ${file} of the app has failed: it exited with status ${exitCode}.`);
  }
}
