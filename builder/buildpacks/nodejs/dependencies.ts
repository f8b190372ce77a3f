import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Installed, install } from '../../npm/install.ts';
import { developmentPlaces } from '../../npm/lock.ts';
import type { Manifest } from '../../npm/manifest.ts';
import { projectSettings } from '../../npm/npmrc.ts';
import { resolve, resolvePackage } from '../../npm/resolve.ts';
import { installSubstitute } from '../../npm/substitutes.ts';
import { addBuild, ownBuilds, useWasmBuilds } from '../../npm/wasm-builds.ts';
import type { BuildContext } from '../buildpack.ts';
import { count } from './count.ts';
import { mount } from './machine.ts';

export interface Dependencies {
  installed: Installed;
  /** Undefined where npm's resolver chose the versions. */
  lockfile: string | undefined;
  /** What the packages are to find in theirs. */
  environment: Record<string, string>;
  /** Where packages stand that only development needs. */
  development: string[];
  /** The app's `.npmrc` or environment says that nothing runs on an installation. */
  ignoreScripts: boolean;
}

/**
 * Installs an app's dependencies.
 *
 * @param manifests its package.json and those of its workspaces, by directory
 * @param development whether what only development needs comes along
 * @param lockfiles names of those that count, where these are not those of Node.js
 * @throws BuildFailure with what is wrong with them
 */
export async function installDependencies(
  manifests: ReadonlyMap<string, Manifest>,
  context: BuildContext,
  { development, lockfiles }: { development: boolean; lockfiles?: readonly string[] },
): Promise<Dependencies> {
  const { tree, scratch, cache, config, log, store, web, signal } = context;
  const settings = await projectSettings(tree, config, context.settings);
  const update = config.USE_NPM_INSTALL === 'true';
  log.step('Installing dependencies');
  const { lock, replaced, substitutes, environment, lockfile } = await context.phase('resolve', async () => {
    const options = {
      scratch: join(scratch, 'resolve'),
      cache,
      settings,
      signal,
      update,
      ...(lockfiles && { lockfiles }),
    };
    const { lock: resolved, lockfile } = await resolve(tree, manifests, options);
    const { lock, missing, ...rest } = useWasmBuilds(resolved, mount);
    const wanted = missing.filter(({ dev }) => development || !dev);
    let resolutions = 0;
    const resolveOne = (name: string, version: string) =>
      resolvePackage(name, version, { ...options, scratch: join(scratch, `resolve-build-${resolutions++}`) });
    const found = await Promise.all(wanted.map(({ name, version }) => resolveOne(name, version)));
    for (const [at, build] of wanted.entries()) {
      const own = found[at];
      if (own === undefined) {
        log.warn(`${build.of} has native code, and the registry has no ${build.name} that could take its place.`);
        continue;
      }
      addBuild(lock, build, own);
      const { of, owner, dev } = build;
      const version = own.packages[`node_modules/${build.name}`]?.version;
      if (owner === undefined || version === undefined || version === build.version) continue;
      const whole = await resolveOne(of, version);
      if (whole === undefined) continue;
      addBuild(lock, { ...build, name: of, place: owner }, whole);
      rest.replaced.push({ name: `${of}@${build.version}`, version, by: of, dev });
    }
    return { lock, ...rest, lockfile };
  });
  if (lockfile === undefined) log.detail(`Installing node modules${lockfiles ? '' : ' (package.json)'}`);
  else log.detail(`Installing node modules (${lockfile})`);
  if (lockfile === undefined && Object.keys(lock.packages).length > 1) {
    log.warn('', 'No lockfile: another push may get other versions of the dependencies.');
    log.warn(`Run \`${lockfiles ? 'deno' : 'npm'} install\` and commit ${lockfiles?.[0] ?? 'package-lock.json'}.`, '');
  }
  for (const { name, version, by } of replaced.filter(({ dev }) => development || !dev)) {
    log.detail(`Using ${by}@${version} in place of ${name}: native code does not run here`);
  }
  for (const { name, version, of } of ownBuilds(lock).filter(({ dev }) => development || !dev)) {
    log.detail(`Using ${name}@${version} for ${of}: native code does not run here`);
  }
  const start = performance.now();
  const wanted = substitutes.filter(({ dev }) => development || !dev);
  const installed = await context.phase('install', async () => {
    const done = await install(lock, tree, { store, settings, web, scratch, development, signal });
    await Promise.all(wanted.map((each) => installSubstitute(each, tree, { store, settings, signal })));
    return { ...done, packages: done.packages + wanted.length };
  });
  const seconds = (performance.now() - start) / 1000;
  log.detail('', `added ${count(installed.packages, 'package')} in ${seconds.toFixed(1)}s`, '');
  return {
    installed,
    lockfile,
    environment,
    development: development
      ? [...developmentPlaces(lock), ...wanted.filter(({ dev }) => dev).map(({ place }) => place)]
      : [],
    ignoreScripts: settings.ignoreScripts === true,
  };
}

/**
 * Removes packages from a tree.
 *
 * @returns those that were there
 */
export async function prune(tree: string, places: readonly string[]): Promise<string[]> {
  const there = places.filter((place) => existsSync(join(tree, place)));
  for (const place of there) await rm(join(tree, place), { recursive: true, force: true });
  return there;
}
