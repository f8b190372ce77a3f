/**
 * The Node.js buildpack: an app with a package.json at its root, as Heroku's `heroku/nodejs` builds it, into bundles
 * that run in isolates.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SlugManifest } from '../../../schema/slug.ts';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { install } from '../../npm/install.ts';
import { developmentPlaces } from '../../npm/lock.ts';
import { projectSettings } from '../../npm/npmrc.ts';
import { resolve } from '../../npm/resolve.ts';
import { useWasmBuilds } from '../../npm/wasm-builds.ts';
import { readProcfile } from '../../procfile.ts';
import { megabytes, type SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { has404, site } from '../static/site.ts';
import { assembleWorker } from '../worker/index.ts';
import { readWranglerConfig } from '../worker/wrangler-config.ts';
import { packageAssets } from './assets.ts';
import { type Bundle, bundle } from './bundle/bundle.ts';
import { reportEngines } from './engines.ts';
import { type PackageJson, readPackageJson } from './package-json.ts';
import { findProcessTypes } from './process-types.ts';
import { buildScript, runScript } from './scripts.ts';
import { resolveStart } from './start-command.ts';

/** What an app finds in its environment, unless its config vars say otherwise. */
const runtimeEnvironment = { NODE_ENV: 'production' };

export const nodejs: Buildpack = {
  name: 'heroku/nodejs',
  async detect(tree) {
    const packageJson = await readPackageJson(tree);
    return packageJson && ((context) => build(packageJson, context));
  },
};

async function build(packageJson: PackageJson, context: BuildContext): Promise<Assemble> {
  const { tree, log, config, signal } = context;
  log.step('Node.js app detected');
  log.detail('');

  const environment = {
    NPM_CONFIG_LOGLEVEL: 'error',
    NODE_VERBOSE: 'false',
    ...runtimeEnvironment,
    NODE_MODULES_CACHE: 'true',
  };
  log.step('Creating runtime environment');
  log.detail('', ...Object.entries(environment).map(([name, value]) => `${name}=${config[name] ?? value}`), '');

  log.step('Installing binaries');
  reportEngines(packageJson, log);

  const script = buildScript(packageJson);
  const runs = (name: string) =>
    context.phase('commands', () => runScript(name, { tree, environment: { ...environment, ...config }, log, signal }));
  if (packageJson.scripts?.['heroku-prebuild'] !== undefined) {
    log.step('Prebuild');
    log.detail('Running heroku-prebuild');
    await runs('heroku-prebuild');
    log.detail('');
  }
  const development = await installDependencies(packageJson, { ...context, development: script !== undefined });
  if (script !== undefined) {
    log.step('Build');
    log.detail(`Running ${script}`);
    await runs(script);
    log.detail('');
    log.step('Pruning devDependencies');
    log.detail(`removed ${count(await prune(tree, development), 'package')}`, '');
  }
  if (packageJson.scripts?.['heroku-cleanup'] !== undefined) {
    log.step('Cleanup');
    log.detail('Running heroku-cleanup');
    await runs('heroku-cleanup');
    log.detail('');
  }
  return (defaults) => assembleNode(packageJson, context, defaults);
}

/**
 * Makes the slug of a tree whose dependencies are installed: each process type bundled into one file.
 *
 * @param named process types that other buildpacks name
 * @throws BuildFailure when nothing says what to start, or it cannot be bundled
 */
export async function assembleNode(
  packageJson: PackageJson,
  context: BuildContext,
  named: Readonly<Record<string, string>> = {},
): Promise<SlugContents> {
  const { tree, log, signal } = context;
  const worker = await readWranglerConfig(tree);
  // A Procfile says that the app is a process, whatever else it can be.
  if (worker && (await readProcfile(tree)).web === undefined) return assembleWorker(worker, context);
  const { declared, defaults, site: directory } = await findProcessTypes(tree, packageJson, named);
  if (directory !== undefined) {
    log.step('Build succeeded!');
    log.detail(`Serving ${directory}/ as a static site: nothing says how to start a server`);
    // Without a page of its own for what is not there, a site that was built is a single-page app.
    const notFoundHandling = has404(tree, directory) ? '404-page' : 'single-page-application';
    return site(tree, directory, { language: 'Node.js', notFoundHandling });
  }
  const bundles = await context.phase('bundle', () => bundleAll({ ...defaults, ...declared }, packageJson, context));
  log.step('Build succeeded!');
  log.step('Discovering process types');
  log.detail(`Procfile declares types     -> ${Object.keys(declared).join(', ') || '(none)'}`);
  if (Object.keys(defaults).length > 0)
    log.detail(`Default types for buildpack -> ${Object.keys(defaults).join(', ')}`);

  const processTypes: SlugManifest['processTypes'] = {};
  const code = new Map<string, Uint8Array>();
  for (const [type, command] of Object.entries({ ...defaults, ...declared })) {
    const bundled = bundles.get(type);
    processTypes[type] = { command, ...(bundled && { entry: `${type}.cjs` }) };
    if (bundled) code.set(`${type}.cjs`, bundled.code);
  }
  const files = listFiles(tree);
  const made = [...bundles.values()];
  const inputs = made.flatMap((each) => each.inputs);
  const resolved = made.flatMap((each) => each.resolved);
  for (const path of packageAssets(tree, inputs, resolved)) {
    files.set(path, join(tree, path));
  }
  signal.throwIfAborted();
  return {
    manifest: {
      version: 1,
      runtime: 'node',
      language: 'Node.js',
      env: runtimeEnvironment,
      processTypes,
      modules: Object.fromEntries([...code.keys()].sort().map((name) => [name, { type: 'cjs' }])),
    },
    code,
    files,
  };
}

/** @returns where in the tree packages stand that only development needs */
async function installDependencies(
  packageJson: PackageJson,
  context: BuildContext & { development: boolean },
): Promise<string[]> {
  const { tree, scratch, cache, config, log, store, signal, development } = context;
  const settings = await projectSettings(tree, config, context.settings);
  log.step('Installing dependencies');
  const { lock: resolved, lockfile } = await context.phase('resolve', () =>
    resolve(tree, packageJson, { scratch: join(scratch, 'resolve'), cache, settings, signal }),
  );
  const { lock, replaced } = useWasmBuilds(resolved);
  if (lockfile === undefined) log.detail('Installing node modules (package.json)');
  else log.detail(`Installing node modules (${lockfile})`);
  if (lockfile === undefined && Object.keys(lock.packages).length > 1) {
    log.warn('', 'No lockfile: another push may get other versions of the dependencies.');
    log.warn('Run `npm install` and commit package-lock.json.', '');
  }
  for (const { name, version, by } of replaced.filter(({ dev }) => development || !dev)) {
    log.detail(`Using ${by}@${version} in place of ${name}: native code does not run here`);
  }
  const start = performance.now();
  const installed = await context.phase('install', () => install(lock, tree, { store, settings, development, signal }));
  const seconds = (performance.now() - start) / 1000;
  log.detail('', `added ${count(installed.packages, 'package')} in ${seconds.toFixed(1)}s`, '');
  if (installed.scripts.length > 0) log.detail(`Not run: install scripts of ${installed.scripts.join(', ')}`, '');
  return development ? developmentPlaces(lock) : [];
}

/**
 * Removes packages from a tree.
 *
 * @returns how many were there
 */
async function prune(tree: string, places: readonly string[]): Promise<number> {
  const there = places.filter((place) => existsSync(join(tree, place)));
  for (const place of there) await rm(join(tree, place), { recursive: true, force: true });
  return there.length;
}

async function bundleAll(
  types: Record<string, string>,
  packageJson: PackageJson,
  { tree, log, signal }: BuildContext,
): Promise<Map<string, Bundle>> {
  log.step('Bundling');
  const dependencies = Object.keys({ ...packageJson.dependencies, ...packageJson.optionalDependencies }).sort();
  const development = Object.keys(packageJson.devDependencies ?? {});
  const bundles = new Map<string, Bundle>();
  for (const [type, command] of Object.entries(types)) {
    const start = startOf(type, command);
    if (start === undefined) continue;
    const made = await bundle(start, { tree, dependencies, development, signal });
    bundles.set(type, made);
    log.detail(`${type}: ${start.file}, ${count(made.inputs.length, 'module')}, ${megabytes(made.code.byteLength)}`);
    for (const name of made.unavailable) log.warn(`${name} has native code and is left out.`);
  }
  log.detail('');
  return bundles;

  /** Only `web` must start; what another type runs may never be asked for. */
  function startOf(type: string, command: string) {
    try {
      return resolveStart(command, tree, packageJson);
    } catch (error) {
      if (!(error instanceof BuildFailure) || type === 'web') throw error;
      log.warn(`Process type ${type}: ${error.message}`);
      return undefined;
    }
  }
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
