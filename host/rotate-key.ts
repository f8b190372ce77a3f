/** `npm run rotate-key`: a new key for what is encrypted at rest. */
import * as z from 'zod';
import { run } from './command.ts';
import { order } from './control.ts';
import { holderOf, openDataDir } from './data-dir.ts';
import { readSettings } from './settings.ts';

const answer = z.object({ resealed: z.number() });

await run(async () => {
  const settings = readSettings(process.env);
  if (holderOf(settings.dataDir) === undefined) {
    const { secretKey, release } = openDataDir(settings);
    try {
      secretKey.replace();
    } finally {
      release();
    }
    console.log('There is a new key; the next start encrypts with it what the one before did.');
    return;
  }
  const { resealed } = answer.parse(await order(settings.dataDir, '/rotate-key'));
  console.log(
    `There is a new key. The config vars of ${resealed} releases are encrypted with it; the old key is deleted.`,
  );
});
