/** Fetches what composer.lock pins, and lays it out below `vendor/`. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { packTar, type TarEntry } from 'modern-tar';
import { type Entry, fromBufferPromise } from 'yauzl';
import { unpack } from '../../archive.ts';
import { decompress } from '../../decompress.ts';
import { BuildFailure } from '../../failure.ts';
import { cloneTree } from '../../git/clone.ts';
import { limited } from '../../limited.ts';
import { unwrap } from '../../source.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import type { LockedPackage } from './lockfile.ts';

const limits = { entries: 20_000, bytes: 256 * 1024 ** 2 };

/** Most bytes of an archive. */
const MAX_ARCHIVE = 128 * 1024 ** 2;

/**
 * @param directory where the package comes to be
 * @throws BuildFailure when it cannot be fetched, or is not what the lock pins
 */
export async function installPackage(
  { name, version, dist, source }: LockedPackage,
  directory: string,
  context: BuildContext,
): Promise<void> {
  const what = `The package ${name} ${version}`;
  const { web, signal } = context;
  await mkdir(directory, { recursive: true });
  if (dist?.type === 'path') {
    const from = await insideTree(dist.url, what, context);
    await cp(from, directory, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\/(\.git|vendor)$/.test(path),
    });
    return;
  }
  if (dist?.type === 'zip' || dist?.type === 'tar') {
    const bytes = await fetchDist(dist, what, context);
    const archive = dist.type === 'zip' ? await zipToTar(bytes, what) : await untarred(bytes, what);
    await unpack(archive, directory, { what, limits, signal });
    // A code host's archive has all below one directory.
    await unwrap(directory);
    return;
  }
  if (source?.type === 'git') {
    await cloneTree(source.url, directory, { ref: source.reference, what, limits, web, signal });
    return;
  }
  throw new BuildFailure(`${what} is locked as ${dist?.type ?? source?.type ?? 'nothing'}, which cannot be fetched.`, {
    help: ['Lock it as a zip or tar archive, or as a git repository.'],
  });
}

/** @throws BuildFailure when a path is not of the app */
async function insideTree(path: string, what: string, { tree }: BuildContext): Promise<string> {
  const place = await realpath(join(tree, path)).catch(() => undefined);
  if (place?.startsWith(`${tree}/`)) return place;
  throw new BuildFailure(`${what} is locked at ${path}, which is not in the app.`);
}

type Dist = NonNullable<LockedPackage['dist']>;

/** Archives are kept between builds: what an archive's URL and reference name never changes. */
async function fetchDist({ url, reference, shasum }: Dist, what: string, context: BuildContext): Promise<Buffer> {
  const key = createHash('sha256')
    .update(`${url}\n${reference ?? ''}\n${shasum ?? ''}`)
    .digest('hex');
  const place = join(dirname(context.cache), 'composer', key.slice(0, 2), key.slice(2));
  const kept = await readFile(place).catch(() => undefined);
  if (kept) return kept;
  const bytes = await buffer(
    limited(await context.web.fetch(url, { what, signal: context.signal }), MAX_ARCHIVE, what),
  );
  const found = createHash('sha1').update(bytes).digest('hex');
  if (shasum && found !== shasum) {
    throw new BuildFailure(`${what} is not the one that composer.lock pins: it is ${found}, not ${shasum}.`, {
      help: ['Run `composer update` for it, and commit composer.lock.'],
    });
  }
  await writeWhole(place, bytes);
  return bytes;
}

const untarred = (bytes: Buffer, what: string): Promise<Readable> =>
  decompress(Readable.from([bytes]), { what, sha256: null });

/** A zip archive as a tar, which is unpacked as every other is: with the same checks of names and sizes. */
async function zipToTar(bytes: Buffer, what: string): Promise<Readable> {
  const entries: TarEntry[] = [];
  let total = 0;
  try {
    const zip = await fromBufferPromise(bytes, { validateEntrySizes: true });
    for await (const entry of zip.eachEntry()) {
      total += entry.uncompressedSize;
      if (total > limits.bytes) throw new Error(`it has more than ${limits.bytes / 1024 ** 2} MB of files`);
      if (entries.length >= limits.entries) throw new Error(`it has more than ${limits.entries} files`);
      if (entry.fileName.endsWith('/')) continue;
      const body = await buffer(await zip.openReadStreamPromise(entry));
      entries.push({ header: { name: entry.fileName, size: body.length, mode: modeOf(entry), type: 'file' }, body });
    }
  } catch (error) {
    throw new BuildFailure(`${what} cannot be unpacked: ${(error as Error).message}.`, { cause: error });
  }
  return Readable.from([await packTar(entries)]);
}

/** Unix's mode is in the upper half of the attributes, where a Unix made the archive. */
const modeOf = ({ externalFileAttributes }: Entry): number => (externalFileAttributes >>> 16) & 0o777 || 0o644;
