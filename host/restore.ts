/** `npm run restore -- <file>`: makes a data directory of a backup. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ArchiveError, readArchive } from './archive.ts';
import { run } from './command.ts';
import { holderOf } from './data-dir.ts';
import { readSettings, StartError } from './settings.ts';
import { filesOf } from './snapshot.ts';

/** Opens every database, which recovers what its log holds, and lets SQLite check it. */
async function checkDatabases(directory: string): Promise<void> {
  for (const file of await filesOf(directory)) {
    if (!file.endsWith('.sqlite')) continue;
    const database = new DatabaseSync(join(directory, file));
    try {
      const [result] = database.prepare('PRAGMA integrity_check').all();
      if (result?.integrity_check !== 'ok') throw new Error(String(result?.integrity_check));
    } catch (error) {
      throw new ArchiveError(`${file} in the backup is no sound database: ${error}.`);
    } finally {
      database.close();
    }
  }
}

await run(async () => {
  const { dataDir } = readSettings(process.env);
  const [, , given] = process.argv;
  if (!given) throw new StartError('Name the backup: npm run restore -- <file>');
  const archive = resolve(given);
  if (!existsSync(archive)) throw new StartError(`There is no file ${archive}.`);
  const holder = holderOf(dataDir);
  if (holder !== undefined) {
    throw new StartError(
      `A platform (process ${holder}) runs on DATA_DIR ${dataDir}. Set DATA_DIR to a new directory.`,
    );
  }
  const there = existsSync(dataDir) ? await readdir(dataDir) : [];
  if (there.length > 0) {
    throw new StartError(`DATA_DIR ${dataDir} is not empty, and nothing is overwritten. Set it to a new directory.`);
  }
  const parent = dirname(dataDir);
  await mkdir(parent, { recursive: true });
  const restored = await mkdtemp(join(parent, '.islet-restore-'));
  try {
    const { createdAt, files } = await readArchive(archive, restored);
    await checkDatabases(restored);
    // Takes the place of an empty directory, in one step.
    await rename(restored, dataDir);
    console.log(`${dataDir}: ${Object.keys(files).length} files, as of ${createdAt}. Start it with npm start.`);
    if (!('secret-key' in files)) {
      console.log('The key that opens the config vars is not in the backup: set SECRET_KEY_FILE to it.');
    }
  } finally {
    await rm(restored, { recursive: true, force: true });
  }
});
