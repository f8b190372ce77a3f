/**
 * What a buildpack leaves for the next build of the same app: its CACHE_DIR, as a tar archive that the edge keeps. It may
 * be lost at any time, and no build fails for it.
 */
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { packTar } from 'modern-tar/fs';
import { unpack } from './archive.ts';
import type { BuildLog } from './log.ts';

/** Most bytes of a cache, as an archive. */
const maxBytes = 256 * 1024 ** 2;
const limits = { entries: 100_000, bytes: maxBytes };

interface Keeping {
  /** The internal secret. */
  secret: string;
  log: BuildLog;
  signal: AbortSignal;
}

/**
 * Fetches a cache into an empty directory.
 *
 * @param url where the edge has it, if it does
 * @returns whether it has
 */
export async function loadCache(url: string, directory: string, { secret, log, signal }: Keeping): Promise<boolean> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${secret}` }, signal });
  if (response.status === 404) {
    await response.body?.cancel();
    return false;
  }
  if (!response.ok || response.body === null) throw new Error(`The edge answered ${response.status} for a cache`);
  const archive = Readable.fromWeb(response.body as ReadableStream);
  try {
    await unpack(archive, directory, { what: 'The cache', limits, signal });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    log.warn(`The cache is not used: ${error instanceof Error ? error.message : error}`);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: 0o700 });
    return false;
  }
}

/**
 * Stores a directory as a cache.
 *
 * @param scratch a directory for the build alone
 */
export async function saveCache(
  url: string,
  directory: string,
  { scratch, secret, log, signal }: Keeping & { scratch: string },
): Promise<void> {
  const archive = join(scratch, 'cache.tar');
  await pipeline(packTar(directory), createWriteStream(archive, { mode: 0o600 }), { signal });
  const { size } = await stat(archive);
  if (size > maxBytes) {
    log.warn(
      `The cache takes ${Math.ceil(size / 1024 ** 2)} MB and is not kept; it may take ${maxBytes / 1024 ** 2} MB.`,
    );
    return;
  }
  const response = await fetch(url, {
    method: 'PUT',
    headers: { authorization: `Bearer ${secret}` },
    body: await openAsBlob(archive),
    signal,
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`The edge answered ${response.status} for a cache`);
}
