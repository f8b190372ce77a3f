/** What an app's Gemfile and Gemfile.lock come to. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildContext } from '../buildpack.ts';
import { type Bundle, runBundler } from './bundler.ts';
import { ENGINE } from './engine.ts';
import { readGemfile } from './gemfile.ts';
import { type PlacedGem, refuseNative } from './install.ts';
import { type Lockfile, parseLockfile } from './lockfile.ts';

/** A gem that the Gemfile itself asks for. */
export type Dependency = Bundle['gems'][number];

export interface AppBundle {
  lock: Lockfile;
  gems: Dependency[];
  /** Gems in directories of the app. */
  locals: PlacedGem[];
  /** Gems that the engine brings, as `rake-13.3.1`; empty when nobody has asked it. */
  own: ReadonlySet<string>;
  /** The version of Ruby that is asked for. */
  ruby?: string;
}

/**
 * Reads Gemfile and Gemfile.lock; asks Bundler where there is no lock, or where the Gemfile says more than can be read
 * without running it. A lock that Bundler makes is written into the tree.
 *
 * @param env what the app's own environment has before its config vars
 * @throws BuildFailure with what is wrong with them
 */
export async function readBundle(context: BuildContext, env: Readonly<Record<string, string>>): Promise<AppBundle> {
  const { tree, config, log, phase } = context;
  const lockfile = join(tree, 'Gemfile.lock');
  const text = await readFile(lockfile, 'utf8').catch(() => undefined);
  // What is wrong with a lock is said before anything is run.
  const lock = text === undefined ? undefined : parseLockfile(text);
  const isConfigured =
    Object.keys(config).some((name) => name.startsWith('BUNDLE_')) || existsSync(join(tree, '.bundle/config'));
  const gemfile = isConfigured ? undefined : readGemfile(await readFile(join(tree, 'Gemfile'), 'utf8'));
  const isLocal = lock?.gems.some((gem) => gem.isLocal);
  if (lock && gemfile && !isLocal) {
    const gems = lock.dependencies.map((name) => {
      const { development = false, groups = ['default'], require = [name] } = gemfile.entries.get(name) ?? {};
      return { name, needed: !development, groups, require };
    });
    const ruby = lock.ruby ?? gemfile.ruby;
    return { lock, gems, locals: [], own: new Set(), ...(ruby && { ruby }) };
  }

  log.step(lock ? 'Reading the Gemfile with Bundler' : `Resolving dependencies with Bundler ${ENGINE.bundler}`);
  const bundle = await phase('resolve', () => runBundler(context, env));
  if (!lock) {
    await writeFile(lockfile, bundle.lock);
    log.warn('There is no Gemfile.lock: the next build may get other versions.', 'Run `bundle lock` and commit it.');
  }
  for (const gem of bundle.paths) refuseNative(gem, gem.extensions);
  const locals = bundle.paths.map(({ require_paths: requirePaths, ...gem }) => ({ ...gem, requirePaths }));
  const ruby = bundle.ruby?.join(', ');
  return {
    lock: parseLockfile(bundle.lock),
    gems: bundle.gems,
    locals,
    own: new Set(bundle.own),
    ...(ruby && { ruby }),
  };
}
