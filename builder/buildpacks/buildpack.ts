import type { BuildPhase } from '../../schema/build.ts';
import type { OfficialBuildpack } from '../../schema/buildpacks.ts';
import type { BuildLog } from '../log.ts';
import type { RegistrySettings } from '../npm/settings.ts';
import type { PackageStore } from '../npm/store.ts';
import type { SlugContents } from '../slug.ts';
import type { Web } from '../web.ts';

/** What builds of an app leave for its next one, by name. Any of it may be lost at any time. */
export interface AppCaches {
  /**
   * Fills an empty directory.
   *
   * @returns false when there is nothing under the name
   */
  load(name: string, directory: string): Promise<boolean>;
  save(name: string, directory: string): Promise<void>;
}

export interface BuildContext {
  /** The app: absolute path, without links in it. */
  tree: string;
  /** A directory for the build alone, outside of the tree. */
  scratch: string;
  /** The app's config vars. */
  config: Readonly<Record<string, string>>;
  log: BuildLog;
  /** Packages of all builds. */
  store: PackageStore;
  /** Where registry answers are kept between builds. */
  cache: string;
  /** How this host reaches its registry, before the app's own .npmrc. */
  settings: RegistrySettings;
  /** The way to what the app names by a URL. */
  web: Web;
  /** Where Composer comes from, where the app does not say. */
  composer?: string | undefined;
  caches: AppCaches;
  signal: AbortSignal;
  /** Runs a phase and reports how long it took. */
  phase<Result>(name: BuildPhase, work: () => Promise<Result>): Promise<Result>;
}

/**
 * Makes the slug from what stands in the tree, once every buildpack of the app has done its work.
 *
 * @param defaults process types that other buildpacks name: type to command; those of the Procfile come before them
 * @throws BuildFailure with what is wrong with the app
 */
export type Assemble = (defaults: Readonly<Record<string, string>>) => Promise<SlugContents>;

/**
 * Builds the app that was detected, in its tree.
 *
 * @throws BuildFailure with what is wrong with the app
 */
export type Build = (context: BuildContext) => Promise<Assemble>;

/** What builds the apps of one language. */
export interface Buildpack {
  /** As Heroku names it: `heroku/nodejs`. */
  name: OfficialBuildpack;
  /**
   * Looks at the app's tree (an absolute path): is it for this buildpack?
   *
   * @throws BuildFailure when it is, and cannot be read
   */
  detect(tree: string): Promise<Build | undefined>;
}
