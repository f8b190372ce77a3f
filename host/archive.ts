/**
 * A backup: a gzipped tar whose first entry, `manifest.json`, names every other file with its size and SHA-256.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { packTar, type TarSource, unpackTar } from 'modern-tar/fs';
import * as z from 'zod';
import { filesOf } from './snapshot.ts';

const FORMAT = 'islet-backup';

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  createdAt: z.iso.datetime(),
  files: z.record(z.string(), z.object({ size: z.number().int(), sha256: z.string() })),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** An archive that cannot be restored; the message says why. */
export class ArchiveError extends Error {}

/**
 * Writes files into one archive, which is there when it is whole or not at all.
 * @param sources paths in the archive, and where each is on this machine
 */
export async function writeArchive(target: string, sources: Map<string, string>): Promise<Manifest> {
  const files: Manifest['files'] = {};
  const entries: TarSource[] = [];
  for (const [name, source] of sources) {
    const { size } = await stat(source);
    files[name] = { size, sha256: await hashOf(source, size) };
    const entry = { target: name, mode: 0o600 };
    entries.push(
      size > 0
        ? { ...entry, type: 'stream', content: Readable.from(bytesOf(source, size), { objectMode: false }), size }
        : { ...entry, type: 'content', content: '' },
    );
  }
  const manifest: Manifest = { format: FORMAT, version: 1, createdAt: new Date().toISOString(), files };
  entries.unshift({ type: 'content', target: 'manifest.json', content: JSON.stringify(manifest), mode: 0o600 });
  const partial = `${target}.partial`;
  try {
    await pipeline(
      packTar(entries, { concurrency: 1 }),
      createGzip({ level: constants.Z_BEST_SPEED }),
      createWriteStream(partial, { mode: 0o600, flush: true }),
    );
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return manifest;
}

/**
 * Unpacks an archive into an empty directory and checks every byte.
 * @throws ArchiveError when it is not a backup, is damaged or is not whole
 */
export async function readArchive(archive: string, directory: string): Promise<Manifest> {
  try {
    // First without unpacking: a stream that breaks off in the middle of a file may leave what unpacks waiting for ever.
    await pipeline(createReadStream(archive), createGunzip(), drain);
    await pipeline(createReadStream(archive), createGunzip(), unpackTar(directory, { fmode: 0o600, dmode: 0o700 }));
  } catch (error) {
    throw new ArchiveError(`${archive} cannot be read: ${(error as Error).message}.`);
  }
  const manifest = await readManifest(archive, directory);
  const found = new Set(await filesOf(directory));
  found.delete('manifest.json');
  for (const [name, { size, sha256 }] of Object.entries(manifest.files)) {
    if (!found.delete(name)) throw new ArchiveError(`${archive} is not whole: ${name} is missing.`);
    if ((await hashOf(join(directory, name), size)) !== sha256) {
      throw new ArchiveError(`${archive} is damaged: ${name} is not what was backed up.`);
    }
  }
  for (const name of found) throw new ArchiveError(`${archive} is damaged: ${name} is not in its manifest.`);
  await rm(join(directory, 'manifest.json'));
  return manifest;
}

async function drain(chunks: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of chunks);
}

async function readManifest(archive: string, directory: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')));
  } catch {
    throw new ArchiveError(`${archive} is no backup of Islet: it has no manifest that this version can read.`);
  }
}

/**
 * The first `size` bytes of a file, opened when they are asked for: a blob of an upload that is going on still grows,
 * and no database of the copy names it.
 */
async function* bytesOf(file: string, size: number): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file, { end: size - 1 });
}

/** SHA-256 of the first `size` bytes of a file, lower-case hex. */
async function hashOf(file: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  if (size > 0) for await (const chunk of bytesOf(file, size)) hash.update(chunk);
  return hash.digest('hex');
}
