/**
 * What an app's build leaves for its next one: `cacheDirectories` of package.json ("Node.js Classic Buildpack Builds",
 * section "Cache Behavior"). Packages themselves are not among them: they come from the store of all builds.
 */
import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { isInside } from '../../paths.ts';
import type { BuildContext } from '../buildpack.ts';
import type { PackageJson } from './package-json.ts';

/** Where tools keep what they have done. */
const usual = ['node_modules/.cache'];

/** The name of the cache among those of the app. */
const name = 'nodejs';

export class CacheDirectories {
  readonly #context: BuildContext;
  /** As package.json has them; undefined where it has none. */
  readonly #named: string[] | undefined;
  readonly #disabled: boolean;

  /** @throws BuildFailure when package.json names what is outside of the app */
  constructor(packageJson: PackageJson, context: BuildContext) {
    this.#context = context;
    this.#named = packageJson.cacheDirectories ?? packageJson.cache_directories;
    this.#disabled = context.config.NODE_MODULES_CACHE === 'false';
    for (const path of this.#named ?? []) {
      const normal = posix.normalize(path);
      if (normal !== '.' && !normal.startsWith('/') && normal !== '..' && !normal.startsWith('../')) continue;
      throw new BuildFailure(
        `"cacheDirectories" of package.json has ${JSON.stringify(path)}, which is not in the app.`,
        {
          help: ['Name directories by their paths from the root of the app: ".next/cache".'],
        },
      );
    }
  }

  get #paths(): string[] {
    return [...new Set((this.#named ?? usual).map((path) => posix.normalize(path).replace(/\/$/, '')))];
  }

  /** Puts what the last build left into the tree. */
  async restore(): Promise<void> {
    const { tree, scratch, log, caches } = this.#context;
    if (this.#disabled) {
      log.step('Restoring cache');
      log.detail('Caching has been disabled because NODE_MODULES_CACHE=false', '');
      return;
    }
    const directory = join(scratch, 'cache', 'restored');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (!(await caches.load(name, directory))) return;
    log.step('Restoring cache');
    if (this.#named) log.detail(`Loading ${this.#named.length} from cacheDirectories (package.json):`);
    for (const path of this.#paths) {
      const from = join(directory, path);
      const to = join(tree, path);
      if (isShared(path)) log.detail(`- ${path} (shared by all builds)`);
      else if (existsSync(to)) log.detail(`- ${path} (exists - skipping)`);
      else if (!existsSync(from)) log.detail(`- ${path} (not cached - skipping)`);
      else {
        await mkdir(dirname(to), { recursive: true });
        if (!isInside(tree, realpathSync(dirname(to)))) throw leadsOut(path);
        await rename(from, to);
        log.detail(`- ${path}`);
      }
    }
    log.detail('');
    await rm(directory, { recursive: true, force: true });
  }

  /** Stores the directories for the next build. */
  async save(): Promise<void> {
    const { tree, scratch, log, caches } = this.#context;
    const there = this.#paths.filter((path) => !isShared(path) && existsSync(join(tree, path)));
    if (this.#disabled || (there.length === 0 && this.#named === undefined)) return;
    log.step('Caching build');
    if (this.#named) log.detail(`Saving ${this.#named.length} cacheDirectories (package.json):`);
    const directory = join(scratch, 'cache', 'saved');
    for (const path of this.#paths) {
      if (isShared(path)) log.detail(`- ${path} (shared by all builds)`);
      else if (!there.includes(path)) log.detail(`- ${path} (nothing to cache)`);
      else {
        const from = realpathSync(join(tree, path));
        if (!isInside(tree, from)) throw leadsOut(path);
        await cp(from, join(directory, path), {
          recursive: true,
          verbatimSymlinks: true,
          preserveTimestamps: true,
        });
        log.detail(`- ${path}`);
      }
    }
    if (there.length > 0) await caches.save(name, directory);
    log.detail('');
  }
}

/** Whether a path is one of installed packages: in `node_modules`, but for what tools put there under a dot. */
function isShared(path: string): boolean {
  return /(^|\/)node_modules(\/(?!\.)|$)/.test(path);
}

function leadsOut(path: string): BuildFailure {
  return new BuildFailure(`The directory ${path} of "cacheDirectories" leads out of the app.`);
}
