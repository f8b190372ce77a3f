/**
 * The machine that runs the scripts of one build: those of its packages and its own. It starts with the first of them
 * and has a copy of the tree; what they changed is then done to the tree.
 */
import { applyChanges, createSandbox, LimitError, type Sandbox } from '../../../sandbox/index.ts';
import { BuildFailure } from '../../failure.ts';
import type { BuildLog } from '../../log.ts';
import { machineOptions, overLimit } from '../../machine-options.ts';
import { projectSettings } from '../../npm/npmrc.ts';
import type { RegistrySettings } from '../../npm/settings.ts';

/** Where the tree stands in the machine, as on Heroku. */
export const mount = '/app';

export interface Ended {
  /** Null when a signal ended it. */
  exitCode: number | null;
  signal: string | null;
}

interface Options {
  /** What scripts find in theirs beside the machine's own. */
  environment: Readonly<Record<string, string>>;
  /** The app's config vars. */
  config: Readonly<Record<string, string>>;
  /** How this host reaches its registry, before the app's own .npmrc. */
  settings: RegistrySettings;
  log: BuildLog;
  signal: AbortSignal;
}

export class BuildMachine implements AsyncDisposable {
  readonly #tree: string;
  readonly #options: Options;
  #sandbox: Promise<Sandbox> | undefined;

  /**
   * @param tree absolute path of the app; it must not change behind the machine's back while that is open
   */
  constructor(tree: string, options: Options) {
    this.#tree = tree;
    this.#options = options;
  }

  /**
   * Runs a line of shell.
   *
   * @param place directory of the tree to run it in, relative
   * @param write takes what it prints, as it comes
   * @throws BuildFailure when it crosses a limit
   */
  run(line: string, place: string, write: (text: string) => void): Promise<Ended> {
    return this.#guarded(async (sandbox) => {
      // One decoder for each stream, as a character may be cut in two.
      const [out, error] = [new TextDecoder(), new TextDecoder()];
      return sandbox.run(line, {
        cwd: place === '' ? mount : `${mount}/${place}`,
        env: { ...this.#options.environment, INIT_CWD: mount },
        onStdout: (chunk) => write(out.decode(chunk, { stream: true })),
        onStderr: (chunk) => write(error.decode(chunk, { stream: true })),
      });
    });
  }

  /**
   * Does to the tree what scripts have done to its copy.
   *
   * @param whose names them in a message: `The script "build"`
   * @throws BuildFailure when they left what leads out of the app
   */
  async keep(whose: string): Promise<void> {
    if (this.#sandbox === undefined) return;
    const changes = await this.#guarded((sandbox) => sandbox.exportChanges(mount));
    await applyChanges(changes, this.#tree).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new BuildFailure(`${whose} left what cannot be kept: ${why}.`, { cause: error });
    });
  }

  /** Removes from the copy, if there is one, what was removed from the tree: paths relative to it. */
  async forget(places: readonly string[]): Promise<void> {
    if (this.#sandbox === undefined || places.length === 0) return;
    const entries = places.map((place) => ({ type: 'deleted' as const, path: `${mount}/${place}` }));
    await this.#guarded((sandbox) => sandbox.writeEntries(entries));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#sandbox?.catch(() => undefined))?.close();
  }

  async #guarded<Result>(work: (sandbox: Sandbox) => Promise<Result>): Promise<Result> {
    try {
      this.#sandbox ??= this.#open();
      return await work(await this.#sandbox);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (error instanceof LimitError) throw overLimit(error);
      throw error;
    }
  }

  async #open(): Promise<Sandbox> {
    const { config, settings: host, log, signal } = this.#options;
    const settings = await projectSettings(this.#tree, config, host);
    const sandbox = await createSandbox(machineOptions({ config, settings, log, signal }));
    try {
      await sandbox.importDirectory(this.#tree, mount);
      return sandbox;
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }
}
