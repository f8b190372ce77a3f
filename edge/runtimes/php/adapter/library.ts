/** What of PHP's own cannot be in WebAssembly, and is written in PHP here. */
import type { Engine } from './engine.ts';
import { answerHttpStreams } from './http.ts';
import http from './lib/http.php';
import prepend from './lib/prepend.php';
import sleep from './lib/sleep.php';

const DIRECTORY = '/islet/lib';

/** The script that PHP runs before the app's. */
export const PREPENDED = `${DIRECTORY}/prepend.php`;

/** PHP's own functions that those of the library take the place of. */
export const REPLACED = ['sleep', 'usleep', 'time_nanosleep', 'time_sleep_until'];

/** Writes the library, once for each engine. */
export function install(engine: Engine): void {
  for (const [name, text] of Object.entries({ http, prepend, sleep })) engine.write(`${DIRECTORY}/${name}.php`, text);
  answerHttpStreams();
  Object.assign(globalThis, { isletSleep: sleepFor });
}

const sleepFor = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
