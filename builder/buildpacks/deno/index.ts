/** The Deno buildpack: an app with a deno.json, into bundles that run in isolates as those of Node.js do. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SlugManifest } from '../../../schema/slug.ts';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { parseDenoLock } from '../../npm/lockfiles/deno.ts';
import { readProcfile } from '../../procfile.ts';
import { megabytes, type SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { packageAssets } from '../nodejs/assets.ts';
import { type Bundle, bundle } from '../nodejs/bundle/bundle.ts';
import { entrySource } from '../nodejs/bundle/module.ts';
import { count } from '../nodejs/count.ts';
import { readPackageJson } from '../nodejs/package-json.ts';
import { CONFIGS, type DenoConfig, readDenoConfig } from './config.ts';
import { installPackages } from './packages.ts';
import { denoPlugin } from './plugin.ts';
import { RemoteModules } from './remote.ts';
import { type DenoStart, defaultCommand, resolveStart } from './start-command.ts';

const LOCKFILE = 'deno.lock';

export const deno: Buildpack = {
  name: 'islet/deno',
  async detect(tree) {
    const { web = '' } = await readProcfile(tree);
    const isDeno = /^(?:exec\s+)?(?:\S+=\S+\s+)*deno\s/.test(web);
    // With a package.json as well, it is an app of Node.js unless it starts Deno.
    const configured = CONFIGS.some((name) => existsSync(join(tree, name))) && web === '';
    return isDeno || (configured && !existsSync(join(tree, 'package.json'))) ? build : undefined;
  },
};

async function build(context: BuildContext): Promise<Assemble> {
  const { tree, log } = context;
  log.step('Deno app detected');
  const config = await readDenoConfig(tree);
  if (config.file) log.detail(`Using ${config.file}`);
  return (defaults) => assemble(config, defaults, context);
}

/** A process type whose command was understood. */
interface Startable {
  type: string;
  start: DenoStart;
}

async function assemble(
  config: DenoConfig,
  named: Readonly<Record<string, string>>,
  context: BuildContext,
): Promise<SlugContents> {
  const { tree, log, signal } = context;
  const declared = await readProcfile(tree);
  const exists = (path: string): boolean => statSync(join(tree, path), { throwIfNoEntry: false })?.isFile() ?? false;
  const standard = defaultCommand(config.tasks, exists);
  const types = { ...(standard && { web: standard }), ...named, ...declared };
  if (types.web === undefined) {
    throw new BuildFailure('Nothing says what to start.', {
      help: ['Add a task `start` to deno.json, a file main.ts, or a Procfile: `web: deno run -A src/main.ts`.'],
    });
  }
  const startable = Object.entries(types).flatMap(([type, command]) => {
    try {
      return [{ type, start: resolveStart(command, config.tasks, exists) }];
    } catch (error) {
      if (!(error instanceof BuildFailure) || type === 'web') throw error;
      log.warn(`Process type ${type}: ${error.message}`);
      return [];
    }
  });
  const bundles = await bundleAll(startable, context);
  log.step('Build succeeded!');
  log.step('Discovering process types');
  log.detail(`Procfile declares types     -> ${Object.keys(declared).join(', ') || '(none)'}`);
  const others = Object.keys(types).filter((type) => !(type in declared));
  if (others.length > 0) log.detail(`Default types for buildpack -> ${others.join(', ')}`);

  const files = listFiles(tree);
  const made = [...bundles.values()];
  const inputs = made.flatMap((each) => each.inputs);
  const resolved = made.flatMap((each) => each.resolved);
  for (const path of packageAssets(tree, inputs, resolved)) files.set(path, join(tree, path));
  signal.throwIfAborted();
  const entries = [...bundles].map(([type, each]) => ({ type, name: `${type}.cjs`, ...each }));
  const processTypes: SlugManifest['processTypes'] = Object.fromEntries(
    Object.entries(types).map(([type, command]) => [
      type,
      { command, ...(bundles.has(type) && { entry: `${type}.cjs` }) },
    ]),
  );
  return {
    manifest: {
      version: 1,
      runtime: 'deno',
      language: 'Deno',
      env: {},
      processTypes,
      modules: Object.fromEntries(entries.map(({ name }) => [name, { type: 'cjs' }])),
    },
    code: new Map(entries.map(({ name, code }) => [name, code])),
    files,
    maps: new Map(entries.map(({ name, map }) => [name, map])),
  };
}

async function bundleAll(startable: readonly Startable[], context: BuildContext): Promise<Map<string, Bundle>> {
  const { tree, log, signal } = context;
  const lock = await readFile(join(tree, LOCKFILE), 'utf8').catch(() => undefined);
  const remote = new RemoteModules(context, lock === undefined ? {} : parseDenoLock(lock).remote);
  const manifest = (await readPackageJson(tree)) ?? {};
  const own = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
  const apps = await Promise.all(
    startable.map(async ({ type, start }) => ({ type, start, config: await readDenoConfig(tree, start) })),
  );
  const entries = apps.map(({ start, config }) => ({ file: start.file, config }));
  const names = await installPackages(entries, { remote, manifest, lockfile: LOCKFILE }, context);
  log.step('Bundling');
  const bundles = new Map<string, Bundle>();
  for (const { type, start, config } of apps) {
    const onPackage = ({ name, range, subpath }: { name: string; range: string; subpath: string }) => ({
      path: `${names.get(`${name}@${range}`) ?? name}${subpath}`,
    });
    const made = await context.phase('bundle', () =>
      bundle(start, {
        tree,
        dependencies: [...new Set([...own, ...names.values()])].sort(),
        development: [],
        signal,
        entry: start.serves ? servesSource(start) : entrySource(start),
        plugins: [denoPlugin({ tree, map: config.map, remote, packages: own, onPackage })],
        tsconfigRaw: config.tsconfig,
      }),
    );
    bundles.set(type, made);
    log.detail(`${type}: ${start.file}, ${count(made.inputs.length, 'module')}, ${megabytes(made.code.byteLength)}`);
    for (const name of made.unavailable) log.warn(`${name} has native code and is left out.`);
  }
  log.detail('');
  return bundles;
}

/** `deno serve`: the module exports what serves. */
const servesSource = ({ file }: DenoStart): string =>
  [
    "import 'islet:table';",
    `import * as main from ${JSON.stringify(`./${file}`)};`,
    "if (typeof main.default?.fetch !== 'function') throw new TypeError('The module exports no default with a method fetch, which `deno serve` calls.');",
    'Deno.serve({ onListen: main.default.onListen }, (request, info) => main.default.fetch(request, info));',
  ].join('\n');
