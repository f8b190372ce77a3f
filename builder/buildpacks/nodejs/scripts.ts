/** The app's own build steps ("Heroku Node.js Support", customizing the build process). */
import { BuildFailure } from '../../failure.ts';
import type { BuildLog } from '../../log.ts';
import type { BuildMachine } from './machine.ts';
import type { PackageJson } from './package-json.ts';

/** The script that builds: `heroku-postbuild` takes the place of `build`. */
export function buildScript({ scripts = {} }: PackageJson): 'heroku-postbuild' | 'build' | undefined {
  if (scripts['heroku-postbuild'] !== undefined) return 'heroku-postbuild';
  return scripts.build === undefined ? undefined : 'build';
}

/**
 * Runs a script of package.json, with its `pre` and `post`, as `npm run` does, and keeps what it did.
 *
 * @param directory of the package.json, relative to the tree
 * @throws BuildFailure when it fails, crosses a limit, or leaves what leads out of the app
 */
export async function runScript(
  script: string,
  { directory = '', machine, log }: { directory?: string; machine: BuildMachine; log: BuildLog },
): Promise<void> {
  const file = directory === '' ? 'package.json' : `${directory}/package.json`;
  await runLine(`npm run ${script}`, { directory, what: `The script "${script}"`, of: ` of ${file}`, machine, log });
}

/**
 * Runs a line of shell and keeps what it did.
 *
 * @param what names it in a message
 * @throws BuildFailure as `runScript` does
 */
export async function runLine(
  line: string,
  {
    directory = '',
    what,
    of = '',
    machine,
    log,
  }: { directory?: string; what: string; of?: string; machine: BuildMachine; log: BuildLog },
): Promise<void> {
  const output = log.indented();
  try {
    const { exitCode, signal } = await machine.run(line, directory, output.write);
    if (exitCode !== 0) {
      output.end();
      const how = exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
      throw new BuildFailure(`${what}${of} ${how}.`, {
        help: ['Its output above says why. Run it on your machine with `NODE_ENV=production` to see the same.'],
      });
    }
    await machine.keep(what);
  } finally {
    output.end();
  }
}
