/** What of PHP's own cannot be in WebAssembly, and is written in PHP here. */
import { letCast } from './casts.ts';
import type { Engine } from './engine.ts';
import { answerHttp } from './http.ts';
import curl from './lib/curl.php';
import curlConstants from './lib/curl-constants.php';
import extensions from './lib/extensions.php';
import http from './lib/http.php';
import httpFunctions from './lib/http-functions.php';
import sleep from './lib/sleep.php';
import standInNames from './lib/stand-ins.php';

const DIRECTORY = '/islet/lib';

/** The script that PHP runs before the app's. */
export const PREPENDED = `${DIRECTORY}/prepend.php`;

const files: Readonly<Record<string, string>> = {
  'http.php': http,
  'http-functions.php': httpFunctions,
  'sleep.php': sleep,
  'stand-ins.php': standInNames,
  'extensions.php': extensions,
  'curl.php': curl,
  'curl-constants.php': curlConstants,
};

/** Those that every run has. */
const ALWAYS = ['http.php', 'http-functions.php', 'sleep.php', 'stand-ins.php', 'extensions.php'];

/** Extensions that the library stands for, which cost each request a little: the file of each. */
const standIns: Readonly<Record<string, string>> = { curl: 'curl.php' };

/** PHP's own functions that those of the library take the place of. */
export const REPLACED = [
  ...['sleep', 'usleep', 'time_nanosleep', 'time_sleep_until'],
  ...['http_get_last_response_headers', 'http_clear_last_response_headers'],
  'extension_loaded',
];

/**
 * Writes the library, once for each engine.
 *
 * @param wanted extensions that it is to stand for
 * @param more scripts to run before the app's
 */
export function install(
  engine: Engine,
  wanted: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): void {
  for (const [name, text] of Object.entries({ ...files, ...more })) engine.write(`${DIRECTORY}/${name}`, text);
  const known = wanted.filter((name) => name in standIns);
  const required = [...ALWAYS, ...known.map((name) => standIns[name]), ...Object.keys(more)];
  engine.write(
    PREPENDED,
    [
      '<?php',
      ...required.map((name) => `require '${DIRECTORY}/${name}';`),
      `define('Islet\\ENGINE', ${letCast(engine)});`,
      `Islet\\StandIns::$names = ${JSON.stringify(known)};`,
      '',
    ].join('\n'),
  );
  answerHttp();
  Object.assign(globalThis, { isletSleep: sleepFor });
}

const sleepFor = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
