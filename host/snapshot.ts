/**
 * A copy of the platform's storage as it is at one moment. SQLite files and their write-ahead logs are copied while
 * what writes them stands still, which makes the copy what a loss of power at that moment would have left: SQLite
 * recovers it when it is opened. All other files are blobs of R2, written once; a hard link keeps them for the copy.
 */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** SQLite's shared memory: made anew by whoever opens the database. */
const isTransient = (file: string): boolean => file.endsWith('.sqlite-shm');

const isDatabase = (file: string): boolean => /\.sqlite(-wal|-journal)?$/.test(file);

/** Runs a function at a time when nobody writes. */
export type Pause = (work: () => Promise<void>) => Promise<void>;

/**
 * Makes a copy of the directory `storage` as `target`, on the same file system; what was there is deleted.
 * @returns milliseconds that writers had to wait
 */
export async function takeSnapshot(storage: string, target: string, pause: Pause): Promise<number> {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true, mode: 0o700 });
  // Most blobs are linked beforehand, so that the pause is short.
  await linkBlobs(storage, target);
  const began = performance.now();
  await pause(async () => {
    const files = await filesOf(storage);
    await inDirectories(target, files);
    await linkBlobs(storage, target, files);
    await Promise.all(
      files
        .filter(isDatabase)
        .map((file) => copyFile(join(storage, file), join(target, file), constants.COPYFILE_FICLONE)),
    );
  });
  return performance.now() - began;
}

/** Every file below a directory, relative to it, in a fixed order. */
export async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !isTransient(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

async function inDirectories(target: string, files: string[]): Promise<void> {
  for (const directory of new Set(files.map(dirname))) await mkdir(join(target, directory), { recursive: true });
}

async function linkBlobs(storage: string, target: string, files?: string[]): Promise<void> {
  const blobs = (files ?? (await filesOf(storage))).filter((file) => !isDatabase(file));
  await inDirectories(target, blobs);
  for (const blob of blobs) {
    await link(join(storage, blob), join(target, blob)).catch((error: NodeJS.ErrnoException) => {
      // It is linked already, or has been deleted since it was listed.
      if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
    });
  }
}
