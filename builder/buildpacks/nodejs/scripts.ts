/**
 * The app's own build steps ("Heroku Node.js Support", customizing the build process). They run in a sandbox, on a
 * copy of the tree; what they changed is then done to the tree.
 */
import { applyChanges, createSandbox, LimitError, type Sandbox } from '../../../sandbox/index.ts';
import { BuildFailure } from '../../failure.ts';
import type { BuildLog } from '../../log.ts';
import type { PackageJson } from './package-json.ts';

/** Where the tree stands in the sandbox, as on Heroku. */
const mount = '/app';

/** The script that builds: `heroku-postbuild` takes the place of `build`. */
export function buildScript({ scripts = {} }: PackageJson): 'heroku-postbuild' | 'build' | undefined {
  if (scripts['heroku-postbuild'] !== undefined) return 'heroku-postbuild';
  return scripts.build === undefined ? undefined : 'build';
}

/**
 * Runs a script of package.json, with its `pre` and `post`, as `npm run` does.
 *
 * @param environment what the script finds in its environment beside the machine's own
 * @throws BuildFailure when it fails, crosses a limit, or leaves what leads out of the app
 */
export async function runScript(
  script: string,
  {
    tree,
    environment,
    log,
    signal,
  }: { tree: string; environment: Readonly<Record<string, string>>; log: BuildLog; signal: AbortSignal },
): Promise<void> {
  const sandbox = await createSandbox({ signal });
  const output = log.indented();
  try {
    await sandbox.importDirectory(tree, mount);
    const { exitCode, signal: killed } = await run(sandbox, script, environment, output.write);
    output.end();
    if (exitCode !== 0) {
      const how = exitCode === null ? `was ended by ${killed}` : `ended with exit code ${exitCode}`;
      throw new BuildFailure(`The script "${script}" of package.json ${how}.`, {
        help: ['Its output above says why. Run it on your machine with `NODE_ENV=production` to see the same.'],
      });
    }
    const changes = await sandbox.exportChanges(mount);
    await applyChanges(changes, tree).catch((error: unknown) => {
      throw new BuildFailure(`The script "${script}" left what cannot be kept: ${messageOf(error)}.`, { cause: error });
    });
  } catch (error) {
    output.end();
    signal.throwIfAborted();
    if (error instanceof LimitError) throw new BuildFailure(error.message, { cause: error });
    throw error;
  } finally {
    await sandbox.close();
  }
}

function run(
  sandbox: Sandbox,
  script: string,
  environment: Readonly<Record<string, string>>,
  write: (text: string) => void,
) {
  // One decoder for each stream, as a character may be cut in two.
  const [out, error] = [new TextDecoder(), new TextDecoder()];
  return sandbox.run(`npm run ${script}`, {
    cwd: mount,
    env: environment,
    onStdout: (chunk) => write(out.decode(chunk, { stream: true })),
    onStderr: (chunk) => write(error.decode(chunk, { stream: true })),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
