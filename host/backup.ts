/** `npm run backup -- <file>`: all that a platform keeps, in one archive, while it runs or while it does not. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { writeArchive } from './archive.ts';
import { run } from './command.ts';
import { order } from './control.ts';
import { holderOf, openDataDir } from './data-dir.ts';
import { readSettings, type Settings, StartError } from './settings.ts';
import { filesOf, takeSnapshot } from './snapshot.ts';

const answer = z.object({ pausedMs: z.number() });

/** Storage as it is now, as `target`; milliseconds that the control plane had to wait for it. */
async function snapshot(settings: Settings, target: string): Promise<number> {
  const { dataDir: path } = settings;
  if (holderOf(path) !== undefined) return answer.parse(await order(path, '/snapshot')).pausedMs;
  const dataDir = openDataDir(settings);
  try {
    return await takeSnapshot(dataDir.storage, target, (work) => work());
  } finally {
    dataDir.release();
  }
}

await run(async () => {
  const settings = readSettings(process.env);
  const { dataDir } = settings;
  const now = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const target = resolve(process.argv[2] ?? `islet-${now}.tar.gz`);
  if (!existsSync(join(dataDir, 'storage'))) throw new StartError(`There is no platform in DATA_DIR ${dataDir}.`);
  if (existsSync(target)) throw new StartError(`${target} is there already. Name another file.`);
  const copy = join(dataDir, 'snapshot');
  try {
    const pausedMs = await snapshot(settings, copy);
    const sources = new Map((await filesOf(copy)).map((file) => [join('storage', file), join(copy, file)]));
    for (const name of ['secret-key', 'api-key']) {
      const file = join(dataDir, name);
      if (existsSync(file)) sources.set(name, file);
    }
    const { files } = await writeArchive(target, sources);
    const bytes = Object.values(files).reduce((sum, { size }) => sum + size, 0);
    console.log(
      `${target}: ${sources.size} files, ${(bytes / 2 ** 20).toFixed(1)} MiB; the control plane waited ${Math.ceil(pausedMs)} ms.`,
    );
    console.log(
      sources.has('secret-key')
        ? 'It holds the keys that open the config vars: keep it as you keep those.'
        : 'The key that opens the config vars is elsewhere (SECRET_KEY_FILE): keep a copy of that too.',
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});
