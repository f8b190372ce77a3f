import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Arborist from '@npmcli/arborist';
import semver from 'semver';
import { YAMLParseError } from 'yaml';
import { BuildFailure } from '../failure.ts';
import { explain } from './errors.ts';
import { type Lock, lock } from './lock.ts';
import { readBunLock } from './lockfiles/bun.ts';
import { readDenoLock } from './lockfiles/deno.ts';
import { hoist } from './lockfiles/hoist.ts';
import { readPnpmLock } from './lockfiles/pnpm.ts';
import { readYarnLock } from './lockfiles/yarn.ts';
import type { Manifest } from './manifest.ts';
import { platform } from './platform.ts';
import type { RegistrySettings } from './settings.ts';
import { ownDirectories, ownPath } from './workspaces.ts';

/** What a lockfile says to install; undefined where only npm's resolver can tell. */
type Reader = (text: string, manifests: ReadonlyMap<string, Manifest>) => Lock | undefined;

const npm = (lockfile: string): Reader => {
  return (text, manifests) => {
    const found = parseLock(text, lockfile);
    if (found !== undefined) checkInSync(manifests.get('') ?? {}, found, lockfile);
    return found;
  };
};

/** Lockfiles by name. As npm has it, a shrinkwrap wins over a package-lock.json. */
const readers: Record<string, Reader> = {
  'npm-shrinkwrap.json': npm('npm-shrinkwrap.json'),
  'package-lock.json': npm('package-lock.json'),
  'yarn.lock': (text, manifests) => hoist(readYarnLock(text, manifests)),
  'pnpm-lock.yaml': (text, manifests) => hoist(readPnpmLock(text, manifests)),
  'bun.lock': (text, manifests) => hoist(readBunLock(text, manifests)),
  'deno.lock': (text, manifests) => hoist(readDenoLock(text, manifests)),
};

/** Those of apps of Node.js. */
const nodeLockfiles = Object.keys(readers).filter((name) => name !== 'deno.lock');

export interface ResolveOptions {
  /** A directory for the resolver alone; it is made. */
  scratch: string;
  /** Where registry answers are kept between builds. */
  cache: string;
  settings: RegistrySettings;
  signal: AbortSignal;
  /** Lets an npm lockfile that does not fit package.json be brought up to date, as `npm install` does. */
  update: boolean;
  /** Names of lockfiles that count; without it, those of package managers of Node.js. */
  lockfiles?: readonly string[];
}

/**
 * Says what to install: the app's lockfile where it has a current one, else what npm's own resolver makes of
 * package.json, or of a lockfile from before npm 7.
 *
 * @param tree absolute path of the app
 * @param manifests the app's package.json and those of its workspaces, by directory; see `readManifests`
 * @throws BuildFailure when the lockfile is damaged or does not fit package.json, or nothing satisfies package.json
 */
export async function resolve(
  tree: string,
  manifests: ReadonlyMap<string, Manifest>,
  options: ResolveOptions,
): Promise<{ lock: Lock; lockfile: string | undefined }> {
  const [lockfile, other] = findLockfiles(tree, options.lockfiles ?? nodeLockfiles);
  if (lockfile !== undefined && other !== undefined) {
    throw new BuildFailure(`Two different lockfiles found: ${lockfile} and ${other}.`, {
      help: ['Delete the one of the package manager that you do not use, and commit that.'],
    });
  }
  if (lockfile === undefined) {
    const own = ownDirectories(tree, manifests.get('') ?? {});
    return { lock: await runResolver(manifests, { ...options, own }), lockfile };
  }
  const text = await readFile(join(tree, lockfile), 'utf8');
  try {
    const lock = read(lockfile, text, manifests) ?? (await runResolver(manifests, { ...options, known: text }));
    return { lock, lockfile };
  } catch (error) {
    if (!options.update || !(error instanceof OutOfSync)) throw error;
    return { lock: await runResolver(manifests, { ...options, known: text }), lockfile };
  }
}

function findLockfiles(tree: string, names: readonly string[]): string[] {
  const found = names.filter((name) => existsSync(join(tree, name)));
  return found[0] === 'npm-shrinkwrap.json' ? found.filter((name) => name !== 'package-lock.json') : found;
}

function read(lockfile: string, text: string, manifests: ReadonlyMap<string, Manifest>): Lock | undefined {
  try {
    return readers[lockfile]?.(text, manifests);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const conflict = /^(<{7}|>{7})/m.test(text);
    throw new BuildFailure(`${lockfile} cannot be read${conflict ? ': it has merge conflicts' : ''}.`, {
      details: error.message.split('\n'),
    });
  }
}

/** @returns undefined for a lockfile of version 1, which does not have all that is needed to install from it */
function parseLock(text: string, lockfile: string): Lock | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const conflict = /^(<{7}|>{7})/m.test(text);
    throw new BuildFailure(`${lockfile} is not valid JSON${conflict ? ': it has merge conflicts' : ''}.`, {
      details: [error instanceof Error ? error.message : String(error)],
      help: ['Run `npm install` and commit the result.'],
    });
  }
  if (typeof json === 'object' && json !== null && 'lockfileVersion' in json && json.lockfileVersion === 1)
    return undefined;
  const parsed = lock.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BuildFailure(
    `${lockfile} is damaged${issue === undefined ? '' : ` at ${issue.path.join('.')}: ${issue.message}`}.`,
    {
      help: ['Remove it, run `npm install`, and commit the result.'],
    },
  );
}

/** An npm lockfile was not made for the package.json beside it. */
class OutOfSync extends BuildFailure {}

/** What `npm ci` checks before it installs anything. */
function checkInSync(manifest: Manifest, { packages }: Lock, lockfile: string): void {
  const root = packages[''] ?? {};
  const problems: string[] = [];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
    for (const [name, range] of Object.entries(manifest[kind] ?? {})) {
      if (root[kind]?.[name] === range) continue;
      const entry = packages[`node_modules/${name}`];
      if (entry === undefined) problems.push(`Missing: ${name}@${range} from lock file`);
      else if (!satisfies(entry.version, range)) {
        problems.push(`Invalid: lock file's ${name}@${entry.version ?? ''} does not satisfy ${name}@${range}`);
      }
    }
  }
  if (problems.length === 0) return;
  throw new OutOfSync(`package.json and ${lockfile} are not in sync.`, {
    details: [
      'npm error code EUSAGE',
      `npm error \`npm ci\` can only install packages when your package.json and ${lockfile} are in sync.`,
      'npm error',
      ...problems.map((problem) => `npm error ${problem}`),
    ],
    help: [`Run \`npm install\` and commit ${lockfile}.`],
  });
}

/** Whether a locked version can stand for a range; what is no range (a tag, an address) is taken as it is. */
function satisfies(version: string | undefined, range: string): boolean {
  const plain = range.replace(/^npm:(@?[^@]+)@?/, '');
  if (version === undefined || semver.validRange(plain, { loose: true }) === null) return true;
  return semver.satisfies(version, plain, { loose: true });
}

/**
 * Runs npm's resolver in a directory that has nothing of the app but what it is to resolve: it would load and run a
 * `.npm-extension.mjs`, and follow paths, that it finds beside package.json.
 */
async function runResolver(
  manifests: ReadonlyMap<string, Manifest>,
  {
    scratch,
    cache,
    settings,
    signal,
    known,
    own = new Map(),
  }: ResolveOptions & { known?: string; own?: ReadonlyMap<string, Manifest> },
): Promise<Lock> {
  for (const [directory, manifest] of [...own, ...manifests]) {
    checkSpecifiers(manifest, directory === '' ? own : new Map());
    const { name, version, dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
    const { overrides } = manifest;
    const kept = { name, version, dependencies, devDependencies, optionalDependencies, peerDependencies, overrides };
    const workspaces = [...manifests.keys()].filter((path) => path !== '');
    await mkdir(join(scratch, directory), { recursive: true });
    await writeFile(
      join(scratch, directory, 'package.json'),
      JSON.stringify(directory === '' ? { ...kept, workspaces } : kept),
    );
  }
  if (known !== undefined) await writeFile(join(scratch, 'package-lock.json'), known);

  const arborist = new Arborist({
    ...settings,
    path: scratch,
    cache,
    // It reaches every request that the resolver makes.
    signal,
    ...platform,
    ignoreScripts: true,
    ignoreExtension: true,
    audit: false,
    allowGit: 'none',
    allowFile: 'none',
    // Workspaces and the app's own directories, and no others: see checkSpecifiers.
    allowDirectory: 'root',
    allowRemote: 'none',
  });
  const ideal = await arborist.buildIdealTree().catch((error: unknown) => {
    throw explain(error, wantedBy(error) ?? 'a dependency');
  });
  return lock.parse(ideal.meta.commit());
}

/**
 * Pins one version of a package, and what it depends on, as if it were an app's only dependency. Where the registry
 * lacks that version, the newest before it takes its place.
 *
 * @returns undefined where the registry has neither
 */
export async function resolvePackage(
  name: string,
  version: string,
  options: ResolveOptions,
): Promise<Lock | undefined> {
  for (const range of [version, `>=${version.split('.')[0]}.0.0 <=${version}`]) {
    const found = await runResolver(new Map([['', { optionalDependencies: { [name]: range } }]]), options);
    if (`node_modules/${name}` in found.packages) return found;
  }
  return undefined;
}

/**
 * Refuses dependencies on paths, which npm's resolver would follow on this host.
 *
 * @param own directories of the app that may be depended on
 */
function checkSpecifiers(
  { dependencies, devDependencies, optionalDependencies, peerDependencies }: Manifest,
  own: ReadonlyMap<string, Manifest>,
): void {
  const all = { ...peerDependencies, ...optionalDependencies, ...devDependencies, ...dependencies };
  for (const [name, range] of Object.entries(all)) {
    if (!/^(file|link|portal):|^(?:[./\\]|~[/\\])|^[a-zA-Z]:/.test(range) || own.has(ownPath(range))) continue;
    throw new BuildFailure(`${name}@${range} does not come from a registry.`, {
      help: ['Commit the lockfile that pins it, or depend on a published version or a workspace of this repository.'],
    });
  }
}

/** The package that npm's resolver was after when it failed: `left-pad@^1.0.0`. */
function wantedBy(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('pkgid' in error && typeof error.pkgid === 'string') return error.pkgid;
  return 'spec' in error && error.spec !== undefined ? String(error.spec) : undefined;
}
