/** Apps that are Workers: a configuration of wrangler names the Worker, static files, or both. */
import { existsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type { AssetsConfig } from '../../../schema/assets.ts';
import { workerCommands } from '../../../schema/worker.ts';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { isInside } from '../../paths.ts';
import { megabytes, type SlugContents } from '../../slug.ts';
import type { BuildContext, Buildpack } from '../buildpack.ts';
import { SITE_WORKER } from '../static/site.ts';
import { bundleWorker, type WorkerBundle } from './bundle.ts';
import { cronsOf, readWranglerConfig, reportAbsent, varsOf, type WranglerConfig } from './wrangler-config.ts';

/** The buildpack of Workers that need nothing installed; the Node.js buildpack makes slugs of the others. */
export const worker: Buildpack = {
  name: 'islet/worker',
  async detect(tree) {
    const config = await readWranglerConfig(tree);
    if (!config) return undefined;
    return async (context) => {
      context.log.step('Worker detected');
      return () => assembleWorker(config, context);
    };
  },
};

/**
 * Makes the slug of an app that is a Worker.
 *
 * @throws BuildFailure when what the configuration names is not there, or cannot be bundled
 */
export async function assembleWorker(config: WranglerConfig, context: BuildContext): Promise<SlugContents> {
  const { tree, log, phase } = context;
  reportAbsent(config, log);
  const { strings, others } = varsOf(config);
  const crons = config.main === undefined ? [] : cronsOf(config);
  const { modules, map } = await phase('bundle', () => makeModules(config, context));
  const { assets, files } = makeAssets(config, tree);
  log.step('Build succeeded!');
  return {
    manifest: {
      version: 1,
      runtime: 'worker',
      language: 'Worker',
      env: strings,
      processTypes: {
        web: { command: workerCommands.web, entry: 'web.js' },
        ...(crons.length > 0 && { cron: { command: workerCommands.cron, entry: 'web.js' } }),
      },
      worker: { vars: others, crons },
      ...(assets && { assets }),
      modules: Object.fromEntries([...modules].map(([name, { type }]) => [name, { type }])),
    },
    code: new Map([...modules].map(([name, { bytes }]) => [name, bytes])),
    files,
    ...(map && { maps: new Map([['web.js', map]]) }),
  };
}

async function makeModules(
  config: WranglerConfig,
  { tree, log }: BuildContext,
): Promise<Pick<WorkerBundle, 'modules' | 'map'>> {
  if (config.main === undefined) return { modules: new Map([['web.js', { bytes: SITE_WORKER, type: 'esm' }]]) };
  log.step('Bundling');
  const main = placeOf(config.main, config, tree);
  const made = await bundleWorker(tree, main, config.define);
  const size = [...made.modules.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  log.detail(`web: ${main}, ${made.inputs} modules, ${megabytes(size)}`, '');
  return made;
}

function makeAssets(
  config: WranglerConfig,
  tree: string,
): { assets: AssetsConfig | undefined; files: Map<string, string> } {
  if (config.assets?.directory === undefined) return { assets: undefined, files: new Map() };
  const directory = placeOf(config.assets.directory, config, tree).replace(/\/$/, '');
  const prefix = directory === '.' ? '' : `${directory}/`;
  const { binding, html_handling, not_found_handling, run_worker_first } = config.assets;
  return {
    assets: {
      directory: directory === '.' ? '' : directory,
      htmlHandling: html_handling,
      notFoundHandling: not_found_handling,
      // Some paths first is all paths first: the Worker hands on what is not its own.
      runWorkerFirst: run_worker_first !== false,
      // Without a Worker of its own, the one of every site asks for the files by this name.
      binding: config.main === undefined ? 'ASSETS' : binding,
    },
    files: new Map([...listFiles(tree)].filter(([path]) => path.startsWith(prefix))),
  };
}

/** A path of the configuration, which is relative to its file, relative to the tree. */
function placeOf(path: string, { file }: WranglerConfig, tree: string): string {
  const place = posix.join(dirname(file), path);
  if (isInside(tree, join(tree, place)) && existsSync(join(tree, place))) return place;
  throw new BuildFailure(`${file} names ${path}, which is not there.`, {
    help: ['See that it is committed, or that the `build` script of package.json makes it.'],
  });
}
