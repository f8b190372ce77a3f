import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Arborist from '@npmcli/arborist';
import semver from 'semver';
import { BuildFailure } from '../failure.ts';
import { explain } from './errors.ts';
import { type Lock, lock } from './lock.ts';
import type { RegistrySettings } from './settings.ts';

/** The parts of a package.json that say what to install. */
export interface Manifest {
  name?: string | undefined;
  version?: string | undefined;
  dependencies?: Record<string, string> | undefined;
  devDependencies?: Record<string, string> | undefined;
  optionalDependencies?: Record<string, string> | undefined;
  peerDependencies?: Record<string, string> | undefined;
  overrides?: unknown;
}

/** As npm has it: a shrinkwrap is published, and wins. */
const lockfiles = ['npm-shrinkwrap.json', 'package-lock.json'] as const;

/**
 * Says what to install: the app's lockfile where it has a current one, else what npm's own resolver makes of
 * package.json, or of a lockfile from before npm 7.
 *
 * @param tree absolute path of the app
 * @param scratch a directory for the resolver alone; it is made
 * @param cache where registry answers are kept between builds
 * @throws BuildFailure when the lockfile is damaged or does not fit package.json, or nothing satisfies package.json
 */
export async function resolve(
  tree: string,
  manifest: Manifest,
  { scratch, cache, settings }: { scratch: string; cache: string; settings: RegistrySettings },
): Promise<{ lock: Lock; lockfile: string | undefined }> {
  for (const lockfile of lockfiles) {
    const text = await readFile(join(tree, lockfile), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const found = parseLock(text, lockfile);
    if (found === undefined) {
      return { lock: await runResolver(manifest, { scratch, cache, settings, ancient: text }), lockfile };
    }
    checkInSync(manifest, found, lockfile);
    return { lock: found, lockfile };
  }
  return { lock: await runResolver(manifest, { scratch, cache, settings }), lockfile: undefined };
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
  throw new BuildFailure(`package.json and ${lockfile} are not in sync.`, {
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
  { name, version, dependencies, devDependencies, optionalDependencies, peerDependencies, overrides }: Manifest,
  {
    scratch,
    cache,
    settings,
    ancient,
  }: { scratch: string; cache: string; settings: RegistrySettings; ancient?: string },
): Promise<Lock> {
  const manifest = { name, version, dependencies, devDependencies, optionalDependencies, peerDependencies, overrides };
  await mkdir(scratch, { recursive: true });
  await writeFile(join(scratch, 'package.json'), JSON.stringify(manifest));
  if (ancient !== undefined) await writeFile(join(scratch, 'package-lock.json'), ancient);

  const arborist = new Arborist({
    ...settings,
    path: scratch,
    cache,
    ignoreScripts: true,
    ignoreExtension: true,
    audit: false,
    allowGit: 'none',
    allowFile: 'none',
    allowDirectory: 'none',
    allowRemote: 'none',
  });
  const ideal = await arborist.buildIdealTree().catch((error: unknown) => {
    throw explain(error, wantedBy(error) ?? 'a dependency');
  });
  return lock.parse(ideal.meta.commit());
}

/** The package that npm's resolver was after when it failed: `left-pad@^1.0.0`. */
function wantedBy(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('pkgid' in error && typeof error.pkgid === 'string') return error.pkgid;
  return 'spec' in error && error.spec !== undefined ? String(error.spec) : undefined;
}
