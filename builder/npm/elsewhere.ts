/**
 * Packages that a lock pins by an address instead of a registry's name and version: archives on the internet, commits of
 * git repositories, archives in the app itself ("package.json", section "dependencies", npm documentation).
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packTar } from 'modern-tar/fs';
import npmFetch from 'npm-registry-fetch';
import { BuildFailure } from '../failure.ts';
import { cloneTree } from '../git/clone.ts';
import { isInside } from '../paths.ts';
import type { Web } from '../web.ts';
import { changed, isRegistryAddress, type PinnedPackage, type Tarball } from './download.ts';
import { matches, strongHash } from './integrity.ts';
import type { RegistrySettings } from './settings.ts';

/** Most bytes of an archive. */
const maxBytes = 256 * 1024 ** 2;
/** Of a commit's tree. */
const treeLimits = { entries: 50_000, bytes: 512 * 1024 ** 2 };

export interface Elsewhere {
  /** Absolute path of the app. */
  tree: string;
  /** An existing directory for the build alone. */
  scratch: string;
  web: Web;
  settings: RegistrySettings;
}

export interface Found {
  pinned: PinnedPackage;
  fetch: (signal: AbortSignal) => Promise<Tarball>;
}

/**
 * Says how to get a package that no registry has.
 *
 * @returns undefined for one of a registry
 * @throws BuildFailure for an address that is not understood, or of a repository without its commit
 */
export async function fromElsewhere(pinned: PinnedPackage, options: Elsewhere): Promise<Found | undefined> {
  const { settings } = options;
  const { name, resolved } = pinned;
  if (resolved === undefined || isRegistryAddress(resolved, pinned) || isOfRegistry(resolved, name, settings)) {
    return undefined;
  }
  if (resolved.startsWith('file:')) return ownArchive(pinned, resolved.slice('file:'.length), options);
  const repository = repositoryOf(resolved);
  if (repository !== undefined) {
    const { url, commit } = repository;
    if (commit === undefined) {
      throw new BuildFailure(`The lockfile does not pin the commit of ${name}: ${withoutSecrets(resolved)}.`, {
        help: ['Install it anew and commit the lockfile.'],
      });
    }
    // A lock's hash of it is of an archive that another machine made.
    const { integrity: _, ...byCommit } = pinned;
    return { pinned: byCommit, fetch: (signal) => clone(byCommit, { url, commit }, options, signal) };
  }
  if (/^https?:/.test(resolved)) {
    return { pinned, fetch: (signal) => archive(pinned, resolved, options, signal) };
  }
  throw new BuildFailure(`${name} does not come from a registry: ${withoutSecrets(resolved)}.`, {
    help: ['Depend on a published version, or on a workspace of this repository.'],
  });
}

/** Whether an address is of the registry that has the package, which may keep its archives under addresses of its own. */
function isOfRegistry(address: string, name: string, settings: RegistrySettings): boolean {
  const registry = npmFetch.pickRegistry(`${name}@*`, { ...settings });
  return /^https?:/.test(address) && !/\.git$/.test(address) && URL.parse(address)?.host === URL.parse(registry)?.host;
}

/** Hosts that package.json may name in short: `github:owner/name`. */
const shorthands: Record<string, string> = {
  github: 'https://github.com',
  gitlab: 'https://gitlab.com',
  bitbucket: 'https://bitbucket.org',
};

/**
 * The repository and commit of an address, in the ways that npm, Yarn, pnpm and Bun write one. Over ssh there is no key
 * to show, so what is public is fetched by https.
 */
export function repositoryOf(address: string): { url: string; commit: string | undefined } | undefined {
  const [text = '', fragment = ''] = address.split('#', 2);
  const commit = /(?:^|[&=])([0-9a-f]{40})(?:$|&)/.exec(fragment)?.[1];
  const [, host = '', path = ''] = /^(github|gitlab|bitbucket):(.+)$/.exec(text) ?? [];
  if (path !== '') return { url: `${shorthands[host]}/${path}.git`, commit };
  const scp = /^(?:git\+)?(?:ssh:\/\/)?git@([^/:]+)[:/](.+)$/.exec(text);
  if (scp) return { url: `https://${scp[1]}/${scp[2]}`, commit };
  if (/^git\+https?:/.test(text)) return { url: text.slice('git+'.length), commit };
  if (text.startsWith('git:')) return { url: `https${text.slice('git'.length)}`, commit };
  return /^https?:.*\.git$/.test(text) ? { url: text, commit } : undefined;
}

/** An archive on the internet. Where the lock has no hash of it, the one of its first bytes is remembered. */
async function archive(pinned: PinnedPackage, url: string, { web }: Elsewhere, signal: AbortSignal): Promise<Tarball> {
  const what = `The archive of ${pinned.name}`;
  const response = await web.fetch(url, { what, signal });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new BuildFailure(`${what} is larger than ${maxBytes / 1024 ** 2} MB.`);
    chunks.push(chunk);
  }
  return verified(Buffer.concat(chunks), pinned);
}

/** An archive in the app: `file:vendor/a-1.0.0.tgz`. Its name means another file in another app, so its hash is the pin. */
async function ownArchive(pinned: PinnedPackage, path: string, { tree }: Elsewhere): Promise<Found> {
  const file = await realpath(join(tree, path)).catch(() => undefined);
  if (file === undefined || !isInside(tree, file)) {
    throw new BuildFailure(`${pinned.name} comes from the file ${JSON.stringify(path)}, which is not in the app.`, {
      help: ['Commit the file, and name it by a path inside of the repository.'],
    });
  }
  const { size } = await stat(file);
  if (size > maxBytes) throw new BuildFailure(`${path} is larger than ${maxBytes / 1024 ** 2} MB.`);
  const tarball = verified(await readFile(file), pinned);
  return { pinned: { ...pinned, integrity: tarball.integrity }, fetch: async () => tarball };
}

async function clone(
  { name }: PinnedPackage,
  { url, commit }: { url: string; commit: string },
  { scratch, web }: Elsewhere,
  signal: AbortSignal,
): Promise<Tarball> {
  const directory = await mkdtemp(join(scratch, 'clone-'));
  try {
    await cloneTree(url, join(directory, 'package'), {
      ref: commit,
      what: `The git dependency ${name}`,
      limits: treeLimits,
      web,
      signal,
    });
    const tarball = await promisify(gzip)(await buffer(packTar(directory)), { level: 1 });
    return { tarball, integrity: hashOf(tarball) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function verified(tarball: Buffer, pinned: PinnedPackage): Tarball {
  const { integrity } = pinned;
  if (integrity !== undefined && !matches(tarball, integrity)) throw changed(pinned, integrity);
  return { tarball, integrity: strongHash(integrity) === undefined ? hashOf(tarball) : (integrity ?? '') };
}

const hashOf = (data: Buffer): string => `sha512-${createHash('sha512').update(data).digest('base64')}`;

const withoutSecrets = (address: string): string => address.replace(/\/\/[^/@]+@/, '//');
