/** `npm start`: everything on one machine, until Ctrl-C. */
import { openDataDir } from './data-dir.ts';
import { readSettings, StartError } from './settings.ts';
import { Supervisor } from './supervisor.ts';
import { welcome } from './welcome.ts';

try {
  const settings = readSettings(process.env);
  const dataDir = openDataDir(settings);
  process.once('exit', dataDir.release);
  const supervisor = new Supervisor(settings, dataDir);
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      console.log('Stopping.');
      await supervisor.stop();
      process.exit(0);
    });
  }
  await supervisor.start().catch(async (error: unknown) => {
    await supervisor.stop();
    throw error;
  });
  if (!stopping) console.log(welcome(settings, dataDir));
} catch (error) {
  console.error(error instanceof StartError ? `Islet cannot start. ${error.message}` : error);
  process.exit(1);
}
