import { availableParallelism, totalmem } from 'node:os';
import { join, resolve } from 'node:path';

/** What a person sets, as environment variables; the README lists them. */
export interface Settings {
  /** Where people reach the platform. */
  port: number;
  /** The address to listen on; undefined for loopback only, on IPv4 and IPv6. */
  host: string | undefined;
  dataDir: string;
  /** Where the key that encrypts config vars is kept; by default in the data directory. */
  secretKeyFile: string;
  /** Undefined: the one kept in the data directory, or a new one. */
  apiKey: string | undefined;
  appsDomain: string;
  /** How many processes run apps. */
  runners: number;
  /** How much memory one of them may have. Bytes. */
  runnerMemory: number;
  /** After how long without a request a web process sleeps. Milliseconds; 0 for never. */
  idleMs: number;
}

/** An error for the person at the terminal: its message alone says what is wrong and what to do. */
export class StartError extends Error {}

const MIB = 2 ** 20;

/** By default all runners together may have half of the machine; one, from 512 MiB to 4 GiB, where V8's heap ends. MiB. */
const memoryFor = (runners: number): number =>
  Math.round(Math.min(4_096, Math.max(512, totalmem() / MIB / 2 / runners)));

/**
 * Settings from the environment.
 * @throws StartError naming the variable that will not do
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const appsDomain = env.APPS_DOMAIN || 'localhost';
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(appsDomain)) {
    throw new StartError(
      `APPS_DOMAIN is "${appsDomain}"; it must be a domain name in lower case, such as apps.example.com.`,
    );
  }
  const runners = wholeNumber(env, 'RUNNERS', availableParallelism(), 1, 64);
  const dataDir = resolve(env.DATA_DIR || '.islet');
  return {
    port: wholeNumber(env, 'PORT', 5000, 1, 65_535),
    host: env.HOST || undefined,
    dataDir,
    secretKeyFile: resolve(env.SECRET_KEY_FILE || join(dataDir, 'secret-key')),
    apiKey: env.API_KEY || undefined,
    appsDomain,
    runners,
    idleMs: wholeNumber(env, 'IDLE_MINUTES', 30, 0, 10_000) * 60_000,
    runnerMemory: wholeNumber(env, 'RUNNER_MEMORY', memoryFor(runners), 128, 1_048_576) * MIB,
  };
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, byDefault: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return byDefault;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new StartError(`${name} is "${text}"; it must be a whole number from ${min} to ${max}.`);
}
