/** `npm run restart`: every part of a running platform anew, from the code that is there now, while apps are served. */
import { run } from './command.ts';
import { order } from './control.ts';
import { readSettings } from './settings.ts';

await run(async () => {
  const { dataDir } = readSettings(process.env);
  await order(dataDir, '/restart');
  console.log('Edge, builder and runners have started anew.');
});
