/**
 * Buildpacks from elsewhere ("Buildpack API", Heroku Dev Center): `bin/detect`, `bin/compile` and `bin/release`, as
 * scripts of the machine's shell or WASI programs, or one WASI program `buildpack.wasm` that takes the name as its first
 * argument. They run in a machine of their own, on a copy of the app.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { applyChanges, createSandbox, LimitError } from '../../../sandbox/index.ts';
import { loadCache, saveCache } from '../../build-cache.ts';
import type { CompileContext } from '../../compile.ts';
import { BuildFailure } from '../../failure.ts';
import { machineOptions, overLimit } from '../../machine-options.ts';
import { fetchBuildpack, shownUrl } from './fetch.ts';
import { Programs, places } from './programs.ts';
import { readRelease } from './release.ts';

/** What a buildpack leaves beside the tree. */
export interface Compiled {
  /** Default process types: type to command. */
  processTypes: Record<string, string>;
  /** What the app finds in its environment, unless its config vars say otherwise. */
  env: Record<string, string>;
  /** What later buildpacks find in theirs. */
  exported: Record<string, string>;
}

/**
 * Fetches a buildpack and lets it build the app.
 *
 * @throws BuildFailure when it cannot be fetched, does not take the app, or fails
 */
export async function runCustom(url: string, context: CompileContext): Promise<Compiled> {
  const { tree, scratch, config, log, signal, phase, web, order, secret } = context;
  const name = shownUrl(url);
  const id = createHash('sha256').update(url).digest('hex').slice(0, 32);
  const directory = join(scratch, 'buildpacks', id);
  const cache = join(scratch, 'caches', id);
  await phase('fetch', () => fetchBuildpack(url, directory, { web, signal }));
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const cacheUrl = `${order.caches}/${id}`;
  await loadCache(cacheUrl, cache, { secret, log, signal });

  const sandbox = await createSandbox(machineOptions({ ...context, config: order.config }));
  try {
    await sandbox.importDirectory(tree, places.app);
    await sandbox.importDirectory(cache, places.cache);
    await sandbox.importDirectory(directory, places.buildpack);
    await sandbox.writeEntries(environmentFiles(order.config));
    const programs = new Programs(sandbox, directory, {
      ...config,
      STACK: 'islet-1',
      SOURCE_VERSION: order.source.version ?? '',
    });

    const detected = await phase('detect', () => programs.run('detect', [places.app]));
    if (detected.exitCode !== 0) {
      throw new BuildFailure(`App not compatible with buildpack: ${name}`, { details: lines(detected.output) });
    }
    log.step(`${detected.output.trim() || name} app detected`);
    const compiled = await phase('commands', () =>
      programs.run('compile', [places.app, places.cache, places.env], (text) => log.verbatim(text)),
    );
    if (compiled.exitCode !== 0) {
      const how = compiled.exitCode === null ? 'was ended' : `ended with exit code ${compiled.exitCode}`;
      throw new BuildFailure(`bin/compile of the buildpack ${name} ${how}.`, { help: ['Its output above says why.'] });
    }
    const released = await programs.run('release', [places.app]);
    const { processTypes, env } = readRelease(released.exitCode === 0 ? released.stdout : '', name);
    const exported = await programs.exported();
    await keep(await sandbox.exportChanges(places.app), tree, name);
    await keep(await sandbox.exportChanges(places.cache), cache, name);
    await saveCache(cacheUrl, cache, { scratch, secret, log, signal });
    return { processTypes, env, exported };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LimitError) {
      const { message, help } = overLimit(error);
      throw new BuildFailure(`The buildpack ${name}: ${message}`, { help, cause: error });
    }
    throw error;
  } finally {
    await sandbox.close();
  }
}

async function keep(
  ...[changes, directory, name]: [Parameters<typeof applyChanges>[0], string, string]
): Promise<void> {
  await applyChanges(changes, directory).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new BuildFailure(`The buildpack ${name} left what cannot be kept: ${why}.`, { cause: error });
  });
}

/** ENV_DIR: a file for each config var. */
function environmentFiles(config: Readonly<Record<string, string>>) {
  return [
    { type: 'directory' as const, path: places.env, mode: 0o755 },
    ...Object.entries(config).map(([name, value]) => ({
      type: 'file' as const,
      path: `${places.env}/${name}`,
      mode: 0o644,
      content: Buffer.from(value),
    })),
  ];
}

const lines = (output: string): string[] => output.trimEnd().split('\n').slice(-50);
