import npmFetch from 'npm-registry-fetch';
import pacote from 'pacote';
import { BuildFailure } from '../failure.ts';
import { errorCode, explain } from './errors.ts';
import { matches, strongHash } from './integrity.ts';
import type { RegistrySettings } from './settings.ts';

/** A package as a lock pins it. */
export interface PinnedPackage {
  name: string;
  version: string;
  /** Subresource integrity: `sha512-…`; absent in some old locks. */
  integrity?: string | undefined;
  /** The tarball's address, where the lock has one. */
  resolved?: string | undefined;
  /** Whether the newest version before this one, of the same major one, will do where the registry has not this one. */
  orEarlier?: boolean;
}

/** A package as it was downloaded. */
export interface Tarball {
  /** A gzipped tar archive. */
  tarball: Buffer;
  /** A strong hash of it. */
  integrity: string;
}

/**
 * Downloads a package's tarball and checks its hash.
 *
 * The address is the one every npm registry serves a version under, at the registry that this host is configured for,
 * so that a lock written against another registry (or none) costs no further request. A registry that keeps its
 * tarballs elsewhere is asked for the version's manifest.
 *
 * @throws BuildFailure when there is no such version or the bytes are not the pinned ones
 */
export async function download(
  pinned: PinnedPackage,
  settings: RegistrySettings,
  signal: AbortSignal,
): Promise<Tarball> {
  try {
    const { name, version, integrity } = pinned;
    if (strongHash(integrity) !== undefined) {
      const registry = npmFetch.pickRegistry(`${name}@${version}`, { ...settings });
      const tarball = await request(`${registry.replace(/\/?$/, '/')}${tarballPath(pinned)}`, settings, signal).catch(
        (error: unknown) => (errorCode(error) === 'E404' ? undefined : Promise.reject(error)),
      );
      if (tarball !== undefined) return verified(tarball, integrity, pinned);
    }
    const manifest = await pacote.manifest(`${name}@${version}`, { ...settings, signal }).catch((error: unknown) => {
      if (!pinned.orEarlier || errorCode(error) !== 'ETARGET') throw error;
      return pacote.manifest(`${name}@>=${version.split('.')[0]}.0.0 <=${version}`, { ...settings, signal });
    });
    const tarball = await request(manifest._resolved, settings, signal);
    if (integrity !== undefined && !matches(tarball, integrity)) throw changed(pinned, integrity);
    return verified(tarball, strongHash(integrity) === undefined ? manifest._integrity : integrity, pinned);
  } catch (error) {
    throw explain(error, `${pinned.name}@${pinned.version}`);
  }
}

/** Most bytes of a tarball. */
const maxBytes = 256 * 1024 ** 2;

/** `@babel/core/-/core-7.0.0.tgz` */
function tarballPath({ name, version }: PinnedPackage): string {
  return `${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

/** Whether an address is the one that a registry has the package under. */
export function isRegistryAddress(address: string, pinned: PinnedPackage): boolean {
  return decodeURIComponent(address).endsWith(`/${tarballPath(pinned)}`);
}

async function request(url: string, options: Record<string, unknown>, signal: AbortSignal): Promise<Buffer> {
  const { body } = await npmFetch(url, { ...options, signal });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new BuildFailure(`A package's archive is larger than ${maxBytes / 1024 ** 2} MB.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function verified(tarball: Buffer, integrity: string | undefined, pinned: PinnedPackage) {
  if (integrity === undefined) {
    throw new BuildFailure(`Nothing says what the hash of ${pinned.name}@${pinned.version} must be.`, {
      help: ['Run `npm install` with npm 7 or newer and commit package-lock.json.'],
    });
  }
  if (!matches(tarball, integrity)) throw changed(pinned, integrity);
  return { tarball, integrity };
}

/** The failure of a build that got other bytes than the lock pins. */
export function changed({ name, version }: PinnedPackage, integrity: string): BuildFailure {
  return new BuildFailure(`The hash of ${name}@${version} is not the one that is pinned.`, {
    details: ['npm error code EINTEGRITY', `npm error ${name}@${version} must be ${integrity}, and other bytes came.`],
    help: [
      'If the lockfile is wrong, remove the entry from package-lock.json, run `npm install`, and commit the result.',
    ],
  });
}
