/** The Ruby buildpack: an app with a Gemfile at its root, as Heroku's `heroku/ruby` builds it. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { readProcfile } from '../../procfile.ts';
import type { SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { precompileAssets } from './assets.ts';
import { writeBinstubs } from './binstubs.ts';
import { type Dependency, readBundle } from './bundle.ts';
import { ENGINE, engineFile } from './engine.ts';
import { BUNDLE, hasStandIn, installGems, isProvided, setupFile } from './install.ts';
import { forEngine, type LockedGem, type Lockfile } from './lockfile.ts';
import { snapshotFile } from './snapshot.ts';
import { resolveStart } from './start-command.ts';

/** As Heroku's buildpack sets them; config vars win. */
const runtimeEnvironment = {
  LANG: 'en_US.UTF-8',
  RACK_ENV: 'production',
  RAILS_ENV: 'production',
  APP_ENV: 'production',
  RAILS_LOG_TO_STDOUT: 'enabled',
  RAILS_SERVE_STATIC_FILES: 'enabled',
};

export const ruby: Buildpack = {
  name: 'heroku/ruby',
  detect: async (tree) => (existsSync(join(tree, 'Gemfile')) ? build : undefined),
};

async function build(context: BuildContext): Promise<Assemble> {
  const { tree, log, phase } = context;
  log.step('Ruby app detected');
  const { lock, gems: dependencies, locals, own, ruby } = await readBundle(context, runtimeEnvironment);
  reportVersion(ruby, context);

  log.step("Installing dependencies using Bundler's lockfile");
  const start = performance.now();
  const { gems, omitted } = neededGems(lock, { dependencies, own });
  const { installed, fetched } = await phase('install', () =>
    installGems(
      gems.filter((gem) => !gem.isLocal),
      context,
    ),
  );
  const placed = [...installed, ...locals.filter(({ name }) => gems.some((gem) => gem.name === name))];
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  log.detail(`Gems of groups development and test are left out.`);
  if (omitted.length > 0) log.detail(`Provided by the platform: ${omitted.join(', ')}`);
  log.detail(`Bundle complete: ${placed.length} gems (${fetched} fetched) in ${seconds}s`);
  await mkdir(join(tree, BUNDLE, 'bundler'), { recursive: true });
  await writeBinstubs(placed, tree);
  const required = dependencies
    .filter(({ name, needed }) => needed && !isProvided(name))
    .flatMap(({ require: paths, groups }) => paths.map((path) => ({ path, groups })));
  await writeFile(join(tree, BUNDLE, 'bundler/setup.rb'), setupFile(placed, required));
  await precompileAssets(context, runtimeEnvironment);
  const snapshot = await snapshotFile(
    context,
    placed.map(({ name }) => name),
  );
  return (defaults) => assemble(defaults, { context, snapshot });
}

async function assemble(
  defaults: Readonly<Record<string, string>>,
  { context, snapshot }: { context: BuildContext; snapshot: string },
): Promise<SlugContents> {
  const { tree, log } = context;
  const declared = await readProcfile(tree);
  const types = { ...defaultTypes(tree), ...defaults, ...declared };
  if (types.web === undefined) {
    throw new BuildFailure('Nothing says how to start this app.', {
      help: ['Add a config.ru, or a Procfile with a line such as `web: ruby app.rb`.'],
    });
  }
  log.step('Discovering process types');
  log.detail(`Procfile declares types     -> ${Object.keys(declared).join(', ') || '(none)'}`);
  const others = Object.keys(types).filter((type) => !(type in declared));
  if (others.length > 0) log.detail(`Default types for buildpack -> ${others.join(', ')}`);
  const code = new Map<string, Uint8Array>();
  const processTypes: SlugContents['manifest']['processTypes'] = {};
  for (const [type, command] of Object.entries(types)) {
    processTypes[type] = { command };
    // It runs in a machine, as one-off dynos do.
    if (type === 'release') continue;
    const start = resolveStart(command, tree);
    if (start) {
      processTypes[type].entry = `${type}.js`;
      code.set(`${type}.js`, Buffer.from(`export default ${JSON.stringify(start)};\n`));
    } else if (type === 'web') throw unknownCommand(command);
    else log.warn(`Process type ${type} does not start: \`${command}\` is no command that Islet knows.`);
  }
  return {
    manifest: {
      version: 1,
      runtime: 'ruby',
      language: 'Ruby',
      env: runtimeEnvironment,
      processTypes,
      modules: Object.fromEntries([...code.keys()].map((name) => [name, { type: 'esm' }])),
    },
    code,
    files: listFiles(tree),
    shared: new Map([
      ['ruby.wasm', await engineFile(context)],
      ['snapshot.bin', snapshot],
    ]),
  };
}

function unknownCommand(command: string): BuildFailure {
  return new BuildFailure(`Islet does not know how to start \`${command}\`.`, {
    help: ['A Ruby app starts by `rackup`, `puma`, `thin`, `unicorn`, `rails server`, or `ruby app.rb`.'],
  });
}

/** As Heroku names them where there is no Procfile. */
function defaultTypes(tree: string): Record<string, string> {
  if (existsSync(join(tree, 'config/environment.rb'))) return { web: 'bin/rails server' };
  return existsSync(join(tree, 'config.ru')) ? { web: 'bundle exec rackup config.ru' } : {};
}

function reportVersion(asked: string | undefined, { log }: BuildContext): void {
  log.step(`Using Ruby version: ruby-${ENGINE.ruby}`);
  if (asked && asked !== ENGINE.ruby) log.warn(`The Gemfile asks for Ruby ${asked}; Islet has ${ENGINE.ruby} alone.`);
}

/** The gems that the app needs when it runs, without those that the platform stands for. */
function neededGems(
  { gems }: Lockfile,
  { dependencies, own }: { dependencies: readonly Dependency[]; own: ReadonlySet<string> },
): { gems: LockedGem[]; omitted: string[] } {
  const byName = new Map(forEngine(gems).map((gem) => [gem.name, gem]));
  /** Each with what needs it; what the Gemfile itself asks for is needed by the app, whose name is empty. */
  const needed = new Map<string, string[]>();
  const omitted = new Set<string>();
  const visit = (name: string, dependent = ''): void => {
    const gem = byName.get(name);
    const isOmitted = isProvided(name) || (gem && !gem.sha256 && own.has(`${name}-${gem.version}`));
    if (isOmitted) omitted.add(name);
    if (!gem || isOmitted) return;
    const dependents = needed.get(name);
    needed.set(name, [...(dependents ?? []), dependent]);
    if (!dependents) for (const other of gem.dependencies) visit(other, name);
  };
  for (const dependency of dependencies) if (dependency.needed) visit(dependency.name);
  for (const [name, dependents] of needed) {
    if (!hasStandIn(name, dependents)) continue;
    needed.delete(name);
    omitted.add(`${name} (in name only)`);
  }
  return { gems: [...byName.values()].filter(({ name }) => needed.has(name)), omitted: [...omitted] };
}
