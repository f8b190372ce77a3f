import { type BuildResult, context, type Message, type Plugin, type TsconfigRaw } from 'esbuild';
import type { Start } from '../start-command.ts';
import { bundleFailure } from './failures.ts';
import { entrySource, frame, tableSource } from './module.ts';
import { outputOf } from './output.ts';
import { Packages } from './packages.ts';
import { nodePlugin } from './plugin.ts';
import { sourceFiles } from './source-files.ts';
import { readTsconfig } from './tsconfig.ts';

export interface Bundle {
  /** JavaScript of the kind that edge/runtimes/node/ runs. */
  code: Uint8Array;
  /** Its source map; sources are relative to the tree. */
  map: Uint8Array;
  /** Files that are in it, relative to the tree. */
  inputs: string[];
  /** Files whose path the code asks for by `require.resolve`, relative to the tree. */
  resolved: string[];
  /** Packages that throw when they are called, as they have native code. */
  unavailable: string[];
}

export interface BundleOptions {
  /** Absolute path of the app, without links in it. */
  tree: string;
  /** Names of the packages that the app depends on. */
  dependencies: readonly string[];
  /** Names of those that only its development does, and that are not there. */
  development: readonly string[];
  signal: AbortSignal;
  /** Source of what runs, where that is not the file alone. */
  entry?: string;
  /** What resolves imports before Node's way is tried. */
  plugins?: readonly Plugin[];
  /** How the app's TypeScript behaves, where that does not stand in a tsconfig.json. */
  tsconfigRaw?: TsconfigRaw;
}

/** How often a bundle is tried again without the files that do not bundle. */
const maxAttempts = 10;

/**
 * Bundles what a process type runs into one module. It reads the app's code and executes none of it.
 *
 * A `require` of a value, as Express has for its view engines, can ask for anything. Where there is one, the bundle
 * also holds the app's direct dependencies and its own source files, which run only when they are asked for; those
 * that do not bundle throw at that point.
 *
 * @throws BuildFailure with esbuild's words, file and line
 */
export async function bundle(
  start: Start,
  {
    tree,
    dependencies,
    development,
    signal,
    entry = entrySource(start),
    plugins = [],
    tsconfigRaw = readTsconfig(tree),
  }: BundleOptions,
): Promise<Bundle> {
  const packages = new Packages(tree);
  const standIns: Record<string, string> = { entry, table: '' };
  const broken = new Map<string, string>();
  const unavailable = new Set<string>();
  const resolved = new Set<string>();
  const { head, tail } = frame(start);
  const build = await context({
    entryPoints: ['islet:entry'],
    outfile: 'main.js',
    absWorkingDir: tree,
    bundle: true,
    write: false,
    metafile: true,
    sourcemap: 'external',
    sourcesContent: false,
    platform: 'node',
    format: 'esm',
    target: 'esnext',
    // The bundle has no way to import at run time; what it does not hold is for `require`.
    // V8 has no decorators.
    supported: { 'dynamic-import': false, decorators: false },
    keepNames: true,
    legalComments: 'none',
    charset: 'utf8',
    banner: { js: head },
    footer: { js: tail },
    logLevel: 'silent',
    logLimit: 0,
    logOverride: Object.fromEntries([...requiresOfValues].map((id) => [id, 'warning'])),
    tsconfigRaw,
    plugins: [
      ...plugins,
      nodePlugin({
        tree,
        packages,
        development: new Set(development),
        main: start.file,
        tsconfigRaw,
        standIns,
        broken,
        unavailable,
        resolved,
      }),
    ],
  });
  const cancel = () => void build.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const first = await build.rebuild().catch(async (error: unknown) => {
      throw hasErrors(error) ? await bundleFailure(error.errors) : error;
    });
    if (!first.warnings.some(({ id }) => requiresOfValues.has(id))) return toBundle(first, { unavailable, resolved });

    const files = sourceFiles(tree, start.file);
    const bundled = dependencies.filter((name) => {
      const directory = packages.find(name, tree);
      return directory !== undefined && !packages.isNative(directory);
    });
    standIns.table = tableSource({ packages: bundled, files });
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      signal.throwIfAborted();
      try {
        return toBundle(await build.rebuild(), { unavailable, resolved });
      } catch (error) {
        if (!hasErrors(error)) throw error;
        for (const { location, text } of error.errors) if (location !== null) broken.set(location.file, text);
      }
    }
    return toBundle(first, { unavailable, resolved });
  } finally {
    signal.removeEventListener('abort', cancel);
    await build.dispose();
  }
}

/** What esbuild remarks where a module that it cannot know is asked for. */
const requiresOfValues = new Set(['unsupported-require-call', 'unsupported-dynamic-import', 'indirect-require']);

function hasErrors(error: unknown): error is { errors: Message[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

function toBundle(result: BuildResult, found: { unavailable: Set<string>; resolved: Set<string> }): Bundle {
  const inputs = Object.keys(result.metafile?.inputs ?? {}).filter((path) => !/^(islet|builtin|absent):/.test(path));
  return {
    ...outputOf(result),
    inputs: inputs.sort(),
    resolved: [...found.resolved].sort(),
    unavailable: [...found.unavailable].sort(),
  };
}
