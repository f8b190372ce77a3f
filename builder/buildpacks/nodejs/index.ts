/**
 * The Node.js buildpack: an app with a package.json at its root, as Heroku's `heroku/nodejs` builds it, into bundles
 * that run in isolates.
 */
import { join } from 'node:path';
import type { SlugManifest } from '../../../schema/slug.ts';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { readManifests } from '../../npm/workspaces.ts';
import { readProcfile } from '../../procfile.ts';
import { megabytes, type SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { has404, site } from '../static/site.ts';
import { assembleWorker } from '../worker/index.ts';
import { readWranglerConfig } from '../worker/wrangler-config.ts';
import { packageAssets } from './assets.ts';
import { buildsBeforeStart, scriptOf } from './build-before-start.ts';
import { type Bundle, bundle } from './bundle/bundle.ts';
import { CacheDirectories } from './cache-directories.ts';
import { count } from './count.ts';
import { installDependencies, prune } from './dependencies.ts';
import { reportEngines } from './engines.ts';
import { ownInstallScripts, runOwnInstallScripts, runPackageScripts } from './lifecycle.ts';
import { BuildMachine } from './machine.ts';
import { type PackageJson, readPackageJson } from './package-json.ts';
import { findProcessTypes } from './process-types.ts';
import { onlyProduction, whyNotPruned } from './pruning.ts';
import { scriptPolicy } from './script-policy.ts';
import { buildScript, runLine, runScript } from './scripts.ts';
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
  const { log, config } = context;
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

  const directories = new CacheDirectories(packageJson, context);
  await directories.restore();
  await runScripts(packageJson, { ...context, environment: { ...environment, ...config }, directories });
  return (defaults) => assembleNode(packageJson, context, defaults);
}

/** Installs the dependencies, and runs the app's build steps around that in Heroku's order. */
async function runScripts(
  packageJson: PackageJson,
  context: BuildContext & { environment: Readonly<Record<string, string>>; directories: CacheDirectories },
): Promise<void> {
  const { tree, log, config, directories } = context;
  const step = async (title: string, script: string, machine: BuildMachine) => {
    log.step(title);
    log.detail(`Running ${script}`);
    await context.phase('commands', () => runScript(script, { machine, log }));
    log.detail('');
  };
  if (packageJson.scripts?.['heroku-prebuild'] !== undefined) {
    await using machine = new BuildMachine(tree, context);
    await step('Prebuild', 'heroku-prebuild', machine);
  }
  const manifests = readManifests(tree, packageJson);
  const script = buildScript(packageJson);
  const own = ownInstallScripts(manifests);
  const before = buildsBeforeStart([packageJson.scripts?.start, (await readProcfile(tree)).web], script);
  const builds = script !== undefined || before.length > 0;
  const kept = whyNotPruned(tree, config);
  const { installed, environment, development, ignoreScripts } = await installDependencies(manifests, context, {
    development: !onlyProduction(tree, config) && (builds || own.length > 0 || kept !== undefined),
  });
  await using machine = new BuildMachine(tree, {
    ...context,
    environment: { ...environment, ...context.environment },
  });
  if (!ignoreScripts) {
    const mayRun = scriptPolicy(tree, packageJson);
    await context.phase('commands', async () => {
      await runPackageScripts(installed.scripted, { machine, log, mayRun });
      await runOwnInstallScripts(own, { machine, log });
    });
  } else if (installed.scripted.length > 0) {
    const names = installed.scripted.map(({ name }) => name);
    log.detail(`Not run, by ignore-scripts: install scripts of ${names.join(', ')}`, '');
  }
  if (script !== undefined) await step('Build', script, machine);
  for (const line of before) {
    log.step('Build');
    log.detail(`Running what the start command builds: ${line}`);
    const npx = scriptOf(line) === undefined && !line.startsWith('npx ') ? 'npx ' : '';
    await context.phase('commands', () => runLine(npx + line, { what: `The line "${line}"`, machine, log }));
    log.detail('');
  }
  await directories.save();
  if (development.length > 0 || builds) {
    log.step('Pruning devDependencies');
    const pruned = kept === undefined ? await prune(tree, development) : [];
    log.detail(kept ?? `removed ${count(pruned.length, 'package')}`, '');
    await machine.forget(pruned);
  }
  if (packageJson.scripts?.['heroku-cleanup'] !== undefined) await step('Cleanup', 'heroku-cleanup', machine);
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
  const { declared, defaults, site: directory, instead } = await findProcessTypes(tree, packageJson, named);
  if (directory !== undefined) {
    log.step('Build succeeded!');
    const why = instead === undefined ? 'nothing says how to start a server' : `"${instead}" would serve nothing else`;
    log.detail(`Serving ${directory}/ as a static site: ${why}`);
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
  const maps = new Map<string, Uint8Array>();
  for (const [type, command] of Object.entries({ ...defaults, ...declared })) {
    const bundled = bundles.get(type);
    processTypes[type] = { command, ...(bundled && { entry: `${type}.cjs` }) };
    if (!bundled) continue;
    code.set(`${type}.cjs`, bundled.code);
    maps.set(`${type}.cjs`, bundled.map);
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
    maps,
  };
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
    // It runs in a machine, as one-off dynos do.
    if (type === 'release') continue;
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
