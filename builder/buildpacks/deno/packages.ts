import { build, type Message } from 'esbuild';
import { BuildFailure } from '../../failure.ts';
import type { Manifest } from '../../npm/manifest.ts';
import { projectSettings } from '../../npm/npmrc.ts';
import type { BuildContext } from '../buildpack.ts';
import { bundleFailure } from '../nodejs/bundle/failures.ts';
import { installDependencies } from '../nodejs/dependencies.ts';
import type { DenoConfig } from './config.ts';
import { denoPlugin, scanPlugin } from './plugin.ts';
import type { RemoteModules } from './remote.ts';

/** Files that start, with what says how their imports are meant. */
export type Entries = readonly { file: string; config: DenoConfig }[];

/**
 * Installs the packages that an app's modules import, and those of its package.json.
 *
 * @returns from `name@range` to the name that it is installed by
 * @throws BuildFailure when a module does not parse, or a package cannot be had
 */
export async function installPackages(
  entries: Entries,
  { remote, manifest, lockfile }: { remote: RemoteModules; manifest: Manifest; lockfile: string },
  context: BuildContext,
): Promise<Map<string, string>> {
  const own = manifest.dependencies ?? {};
  const names = new Map<string, string>();
  const dependencies: Record<string, string> = { ...own };
  for (const [name, range] of await context.phase('resolve', () => findPackages(entries, remote, own, context))) {
    let installed = name;
    for (let number = 2; dependencies[installed] !== undefined && dependencies[installed] !== range; number++) {
      installed = `${name}-${number}`;
    }
    names.set(`${name}@${range}`, installed);
    dependencies[installed] = installed === name ? range : `npm:${name}@${range}`;
  }
  if (Object.keys(dependencies).length === 0) return names;
  await checkRegistry(Object.keys(dependencies), context);
  const manifests = new Map([['', { dependencies }]]);
  await installDependencies(manifests, context, { development: false, lockfiles: [lockfile] });
  return names;
}

/** Packages of JSR come from a registry of its own, which npm does not know by itself. */
async function checkRegistry(names: readonly string[], { tree, config, settings }: BuildContext): Promise<void> {
  const first = names.find((name) => name.startsWith('@jsr/'));
  if (first === undefined || '@jsr:registry' in (await projectSettings(tree, config, settings))) return;
  const [, scope, name] = /^@jsr\/(.+?)__(.+)$/.exec(first) ?? [];
  throw new BuildFailure(`jsr:@${scope}/${name} comes from the npm registry of JSR, and nothing says where that is.`, {
    help: ['Commit the .npmrc that `npx jsr add` writes: a line that begins with `@jsr:registry=`.'],
  });
}

/** Names and ranges of the packages that modules import, as they come. */
async function findPackages(
  entries: Entries,
  remote: RemoteModules,
  own: Readonly<Record<string, string>>,
  { tree, signal }: BuildContext,
): Promise<[name: string, range: string][]> {
  const found = new Map<string, [string, string]>();
  for (const { file, config } of entries) {
    signal.throwIfAborted();
    await build({
      entryPoints: [`./${file}`],
      absWorkingDir: tree,
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'esnext',
      logLevel: 'silent',
      tsconfigRaw: config.tsconfig,
      plugins: [
        denoPlugin({
          tree,
          map: config.map,
          remote,
          packages: new Set(Object.keys(own)),
          onPackage: ({ name, range }) => {
            found.set(`${name}@${range}`, [name, range]);
            return { path: name, external: true };
          },
        }),
        scanPlugin(tree),
      ],
    }).catch(async (error: unknown) => {
      throw hasErrors(error) ? await bundleFailure(error.errors) : error;
    });
  }
  return [...found.values()].sort(([a], [b]) => (a < b ? -1 : 1));
}

function hasErrors(error: unknown): error is { errors: Message[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
