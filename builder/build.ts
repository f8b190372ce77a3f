/** One build, from order to result: fetch, detect, let the buildpack work, store the slug. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildEvent, BuildOrder, BuildPhase, BuildResult } from '../schema/build.ts';
import { loadCache, saveCache } from './build-cache.ts';
import type { AppCaches } from './buildpacks/buildpack.ts';
import { compile } from './compile.ts';
import { BuildFailure } from './failure.ts';
import { BuildLog } from './log.ts';
import type { RegistrySettings } from './npm/settings.ts';
import type { PackageStore } from './npm/store.ts';
import { storePackages } from './packages.ts';
import { megabytes, type SlugContents, storeByHash, storeMaps, storeShared, writeSlug } from './slug.ts';
import { fetchSlug, fetchSource } from './source.ts';
import { assembleUploaded } from './uploaded-slug.ts';
import type { Web } from './web.ts';

/** The longest a build may take. Heroku gives as much. */
const maxMinutes = 15;

/** What all builds of a builder share. */
export interface Builder {
  /** The internal secret. */
  secret: string;
  store: PackageStore;
  /** Where registry answers are kept. */
  cache: string;
  /** Where builds have their directories: absolute, without links in it, on the file system of the store. */
  work: string;
  settings: RegistrySettings;
  /** The way to what people name by a URL. */
  web: Web;
  /** Where Composer comes from, by default: a URL with the hash of what is there. */
  composer?: string | undefined;
}

/**
 * Runs a build and removes what it left on disk.
 *
 * @param emit takes output and phases as they come
 * @returns the result; a defect of the builder is a failed build too, and goes to the builder's own log in full
 * @throws what `signal` was aborted with
 */
export async function runBuild(
  order: BuildOrder,
  builder: Builder,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<BuildResult> {
  const log = new BuildLog((text) => emit({ type: 'output', text }));
  const scratch = join(builder.work, order.id);
  const late = AbortSignal.timeout(maxMinutes * 60_000);
  try {
    return await build(order, builder, { log, scratch, emit, signal: AbortSignal.any([signal, late]) });
  } catch (error) {
    signal.throwIfAborted();
    return fail(
      late.aborted ? new BuildFailure(`The build took more than ${maxMinutes} minutes.`) : error,
      log,
      order.id,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function build(
  order: BuildOrder,
  { secret, store, cache, settings, web, composer }: Builder,
  {
    log,
    scratch,
    emit,
    signal,
  }: { log: BuildLog; scratch: string; emit: (event: BuildEvent) => void; signal: AbortSignal },
): Promise<BuildResult> {
  const phase = async <Result>(name: BuildPhase, work: () => Promise<Result>): Promise<Result> => {
    signal.throwIfAborted();
    const start = performance.now();
    try {
      return await work();
    } finally {
      emit({ type: 'phase', phase: name, ms: performance.now() - start });
    }
  };
  const tree = join(scratch, 'app');
  const from = { secret, web, signal };
  const caches: AppCaches = {
    load: (name, directory) => loadCache(`${order.caches}/${name}`, directory, { secret, log, signal }),
    save: (name, directory) => saveCache(`${order.caches}/${name}`, directory, { scratch, secret, log, signal }),
  };
  const shared = { store, cache, settings, web, composer };
  const context = { tree, scratch, config: order.config, log, ...shared, caches, signal, phase };

  log.step('Building on the Islet stack');
  let assemble: () => Promise<SlugContents>;
  const { slug: uploaded } = order;
  if (uploaded) {
    await phase('fetch', () => fetchSlug(order.source, tree, from));
    assemble = () => assembleUploaded(uploaded.processTypes, context);
  } else {
    const { hadModules } = await phase('fetch', () => fetchSource(order.source, tree, from));
    if (hadModules) {
      log.warn('node_modules checked into source control; it is not used.');
      log.warn('Add node_modules/ to .gitignore and run `git rm -r --cached node_modules`.');
    }
    assemble = await compile({ ...context, order, secret });
  }
  const [contents, packages] = await Promise.all([
    assemble(),
    storePackages(tree, { scratch, log, storage: { url: order.engines, secret, signal } }),
  ]);

  log.step('Compressing...');
  return phase('store', async () => {
    const archive = join(scratch, 'slug.tar');
    const common = { url: order.engines, secret, signal };
    const shared = contents.shared && (await storeShared(contents.shared, common));
    const maps = contents.maps && (await storeMaps(contents.maps, scratch, common));
    const manifest = {
      ...contents.manifest,
      ...(shared && { shared }),
      ...(maps && { maps }),
      ...(packages.length > 0 && { packages }),
    };
    const { sha256, size } = await writeSlug({ ...contents, manifest }, archive, signal);
    await storeByHash(archive, sha256, { url: order.slugs, secret, signal });
    log.detail(`Done: ${megabytes(size)}`);
    const { language, processTypes } = contents.manifest;
    const commands = Object.fromEntries(Object.entries(processTypes).map(([type, { command }]) => [type, command]));
    return { type: 'result', status: 'succeeded', slug: { sha256, size, language, processTypes: commands } };
  });
}

/** Writes the end of a failed build's log. */
function fail(error: unknown, log: BuildLog, id: string): BuildResult {
  if (!(error instanceof BuildFailure)) {
    console.error(`build ${id}:`, error);
    const reason = 'The builder failed. This is not the fault of your app; push again in a while.';
    log.warn('', reason);
    return { type: 'result', status: 'failed', reason };
  }
  if (error.details.length > 0) log.detail('', ...error.details);
  log.warn('', error.message, ...error.help);
  return { type: 'result', status: 'failed', reason: error.message };
}
