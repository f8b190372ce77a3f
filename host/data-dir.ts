import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecretKey } from './secret-key.ts';
import { type Settings, StartError } from './settings.ts';

/** What is kept in the data directory, and the secrets in it. */
export interface DataDir {
  path: string;
  /** D1, R2 and Durable Objects. */
  storage: string;
  /** Downloads and build caches: may be deleted at any time. */
  cache: string;
  /** Trees of running builds. */
  work: string;
  /** Files that one start makes for its processes. */
  run: string;
  apiKey: string;
  /** Encrypts config vars at rest. */
  secretKey: SecretKey;
  /** Lets another platform have the directory. */
  release: () => void;
}

type DataDirSettings = Pick<Settings, 'dataDir' | 'apiKey' | 'secretKeyFile'>;

/**
 * Takes a data directory for this process, making what is missing.
 * An API key that is not set is the one kept there, made at the first start.
 * @throws StartError when it cannot be written, or another platform runs on it
 */
export function openDataDir({ dataDir: path, apiKey, secretKeyFile }: DataDirSettings): DataDir {
  const inside = (name: string) => join(path, name);
  try {
    for (const name of ['', 'storage', 'cache', 'work', 'run'])
      mkdirSync(inside(name), { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new StartError(
      `DATA_DIR ${path} cannot be written: ${messageOf(error)}. Give this user the right, or set DATA_DIR.`,
    );
  }
  const lock = inside('islet.pid');
  takeLock(lock, path);
  return {
    path,
    storage: inside('storage'),
    cache: inside('cache'),
    work: inside('work'),
    run: inside('run'),
    apiKey: apiKey ?? keptSecret(inside('api-key'), () => randomBytes(24).toString('base64url')),
    secretKey: new SecretKey(secretKeyFile),
    release: () => rmSync(lock, { force: true }),
  };
}

function keptSecret(file: string, make: () => string): string {
  try {
    writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

function takeLock(lock: string, path: string): void {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    const pid = Number(readFileSync(lock, 'utf8'));
    if (isSupervisor(pid)) {
      throw new StartError(
        `Another Islet (process ${pid}) runs on DATA_DIR ${path}. Stop it, or set another DATA_DIR.`,
      );
    }
    rmSync(lock, { force: true });
  }
}

/** The process that holds a data directory; undefined where none does. */
export function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(path, 'islet.pid'), 'utf8'));
    return isSupervisor(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a process id that was written down still is a supervisor, and not a newer process of that number. */
function isSupervisor(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return isCode(error, 'EPERM');
  }
  try {
    return /host\/(main|backup|rotate-key)\.ts/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
