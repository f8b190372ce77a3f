/**
 * The packages this host has unpacked once, by the hash of their tarball. All builds share it.
 *
 *     <directory>/<algorithm>/<first two hex digits>/<rest>/index.json   the package's files
 *     <directory>/<algorithm>/<first two hex digits>/<rest>/files/…      the files themselves
 *     <directory>/private/<audience>/…                                   the same, of packages that not everyone may see
 *     <directory>/versions/<first two hex digits>/<rest>                 the hash that a registry gave for a version
 *
 * An entry appears whole, by one rename, and never changes: builds get hard links to its files, and whoever writes to a
 * build's tree replaces files instead of writing through them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import npmFetch from 'npm-registry-fetch';
import { z } from 'zod';
import { BuildFailure } from '../failure.ts';
import { download, type PinnedPackage, type Tarball } from './download.ts';
import { strongHash } from './integrity.ts';
import { audienceOf } from './npmrc.ts';
import { packageFacts, readPackageFacts } from './package-scripts.ts';
import type { RegistrySettings } from './settings.ts';

const index = packageFacts.extend({
  /** Paths below `files/`. */
  files: z.array(z.string()),
  /** Bytes of all files together. */
  bytes: z.number(),
});

export interface StoredPackage extends z.infer<typeof index> {
  /** Absolute path of `files/`. */
  directory: string;
  /** Whether this call had to download it. */
  fresh: boolean;
}

type Fetch = (signal: AbortSignal) => Promise<Tarball>;

/** Most bytes of one package, unpacked. */
const maxBytes = 512 * 1024 ** 2;
/** Most files of one package. */
const maxFiles = 50_000;

export class PackageStore {
  readonly #directory: string;
  readonly #pending = new Map<string, Promise<StoredPackage>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Gives a package's files, downloading it unless the store has it. Two builds that want the same package at once
   * wait for one download.
   *
   * @param fetch how to download it, where that is not from a registry
   * @throws BuildFailure when the package is not to be had or is not the pinned one
   */
  async get(
    pinned: PinnedPackage,
    settings: RegistrySettings,
    signal: AbortSignal,
    fetch: Fetch = () => download(pinned, settings, signal),
  ): Promise<StoredPackage> {
    signal.throwIfAborted();
    const hash = strongHash(pinned.integrity);
    if (hash === undefined) return this.#getByVersion(pinned, settings, signal, fetch);

    const shelf = this.#shelf(pinned, settings);
    const place = placeOn(shelf, hash);
    const stored = await this.#read(place);
    if (stored !== undefined) return stored;
    const pending = this.#pending.get(place);
    // A download that another build has cancelled is no answer for this one.
    if (pending !== undefined) return pending.catch(() => this.#add(pinned, shelf, signal, fetch));
    const adding = this.#add(pinned, shelf, signal, fetch);
    this.#pending.set(place, adding);
    try {
      return await adding;
    } finally {
      this.#pending.delete(place);
    }
  }

  /**
   * Gets a package that a lockfile pins by its version alone, as Yarn 2 does, by a weak hash, or by a commit. A registry
   * never gives a version other bytes, so the hash that it once gave for one is kept.
   */
  async #getByVersion(
    pinned: PinnedPackage,
    settings: RegistrySettings,
    signal: AbortSignal,
    fetch: Fetch,
  ): Promise<StoredPackage> {
    const { name, version, integrity = '', resolved = '' } = pinned;
    const registry = npmFetch.pickRegistry(`${name}@${version}`, { ...settings });
    const key = createHash('sha256')
      .update(JSON.stringify([registry, name, version, integrity, resolved]))
      .digest('hex');
    const shelf = this.#shelf(pinned, settings);
    const file = join(shelf, 'versions', key.slice(0, 2), key.slice(2));
    const known = await readFile(file, 'utf8').catch(() => undefined);
    if (known !== undefined) return this.get({ ...pinned, integrity: known }, settings, signal, fetch);

    const added = await this.#add(pinned, shelf, signal, fetch);
    const temporary = join(this.#directory, 'tmp', randomUUID());
    await mkdir(dirname(temporary), { recursive: true });
    await writeFile(temporary, added.integrity);
    await mkdir(dirname(file), { recursive: true });
    await rename(temporary, file);
    return added;
  }

  /** Who knows a private package's hash must not get it by that alone. */
  #shelf({ name }: PinnedPackage, settings: RegistrySettings): string {
    const audience = audienceOf(name, settings);
    return audience === undefined ? this.#directory : join(this.#directory, 'private', audience);
  }

  async #read(place: string): Promise<StoredPackage | undefined> {
    const text = await readFile(join(place, 'index.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const known = readIndex(text);
    // What cannot be read makes way, and is downloaded again.
    if (known === undefined) await rm(place, { recursive: true, force: true });
    return known && { ...known, directory: join(place, 'files'), fresh: false };
  }

  async #add(
    pinned: PinnedPackage,
    shelf: string,
    signal: AbortSignal,
    fetch: Fetch,
  ): Promise<StoredPackage & { integrity: string }> {
    const { tarball, integrity } = await fetch(signal);
    const hash = strongHash(integrity);
    if (hash === undefined)
      throw new BuildFailure(`The registry gives no strong hash for ${pinned.name}@${pinned.version}.`);
    const place = placeOn(shelf, hash);
    const temporary = join(this.#directory, 'tmp', randomUUID());
    try {
      const contents = await writePackage(tarball, join(temporary, 'files'), `${pinned.name}@${pinned.version}`);
      writeFileSync(join(temporary, 'index.json'), JSON.stringify(contents));
      await mkdir(dirname(place), { recursive: true });
      await rename(temporary, place).catch(async (error: NodeJS.ErrnoException) => {
        // Another process was faster; its bytes have the same hash.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
      return { ...contents, directory: join(place, 'files'), fresh: true, integrity };
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

function placeOn(shelf: string, { algorithm, hex }: { algorithm: string; hex: string }): string {
  return join(shelf, algorithm, hex.slice(0, 2), hex.slice(2));
}

function readIndex(text: string): z.infer<typeof index> | undefined {
  try {
    return index.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const inflate = promisify(gunzip);

/**
 * Unpacks a package's tarball. As npm does, it drops the first component of each name, whatever it is, and everything
 * that is not a plain file.
 */
async function writePackage(tarball: Buffer, directory: string, what: string): Promise<z.infer<typeof index>> {
  const archive = await inflate(tarball, { maxOutputLength: maxBytes }).catch((error: unknown) => {
    throw new BuildFailure(`The archive of ${what} is damaged or unpacks to more than ${maxBytes / 1024 ** 2} MB.`, {
      cause: error,
    });
  });
  const files = new Set<string>();
  const directories = new Set<string>();
  let manifest = '{}';
  let bytes = 0;
  for (const { header, data } of await unpackTar(archive, { strip: 1, filter: ({ type }) => type === 'file' })) {
    if (data === undefined) continue;
    // Some archives have `package/./index.js`.
    const name = header.name.replace(/(^|\/)(\.\/)+/g, '$1');
    if (name.split(/[/\\]/).some((part) => part === '' || part === '.' || part === '..') || name.includes('\0')) {
      throw new BuildFailure(`The archive of ${what} has a file outside of its own tree: ${JSON.stringify(name)}.`);
    }
    if (files.size >= maxFiles) throw new BuildFailure(`${what} has more than ${maxFiles} files.`);
    const path = join(directory, name);
    const parent = dirname(path);
    if (!directories.has(parent)) {
      mkdirSync(parent, { recursive: true });
      directories.add(parent);
    }
    writeFileSync(path, data, { mode: ((header.mode ?? 0) & 0o100) === 0 ? 0o644 : 0o755 });
    files.add(name);
    if (name === 'package.json') manifest = Buffer.from(data).toString();
    bytes += data.byteLength;
  }
  return { files: [...files].sort(), bytes, ...readPackageFacts(manifest, files.has('binding.gyp')) };
}
