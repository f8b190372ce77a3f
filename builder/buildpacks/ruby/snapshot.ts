/** The memory of an engine that has started and has loaded what most apps load: made once for all apps. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSandbox } from '../../../sandbox/index.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import { engineFile } from './engine.ts';
import { SNAPSHOT_COMMAND, snapshotPrograms } from './machine.ts';

/**
 * Of the standard library, what servers and frameworks require, with the gems whose files that loads. Gems that are never
 * installed, as the engine's are taken, are not named.
 */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  rbconfig: [],
  stringio: [],
  etc: [],
  monitor: [],
  strscan: [],
  zlib: [],
  'digest/sha2': [],
  json: [],
  'cgi/escape': [],
  erb: [],
  openssl: [],
  set: ['set'],
  time: ['time'],
  uri: ['uri'],
  fileutils: ['fileutils'],
  tmpdir: ['tmpdir', 'fileutils'],
  delegate: ['delegate'],
  tempfile: ['tempfile', 'delegate', 'tmpdir', 'fileutils'],
  forwardable: ['forwardable'],
  singleton: ['singleton'],
  timeout: ['timeout'],
  pp: ['pp', 'prettyprint'],
  pathname: ['pathname'],
  logger: ['logger'],
  optparse: ['optparse'],
  yaml: ['yaml'],
  securerandom: ['securerandom', 'random-formatter'],
};

const making = new Map<string, Promise<void>>();

/**
 * The file with the memory of an engine.
 *
 * @param installed names of gems whose own files an app is to get, in the place of those of the standard library
 */
export async function snapshotFile(context: BuildContext, installed: readonly string[]): Promise<string> {
  const libraries = Object.keys(LIBRARIES).filter((name) => !LIBRARIES[name]?.some((gem) => installed.includes(gem)));
  const programs = await snapshotPrograms(await readFile(await engineFile(context)));
  const hash = createHash('sha256').update(JSON.stringify(libraries));
  for (const entry of programs) if (entry.type === 'file') hash.update(entry.content);
  const file = join(context.cache, 'ruby', `${hash.digest('hex')}.snapshot`);
  if (existsSync(file)) return file;
  const made = making.get(file) ?? make(file, programs, libraries).finally(() => making.delete(file));
  making.set(file, made);
  await made;
  return file;
}

async function make(
  file: string,
  programs: Awaited<ReturnType<typeof snapshotPrograms>>,
  libraries: readonly string[],
): Promise<void> {
  const sandbox = await createSandbox({ limits: { wallMs: 120_000 } });
  try {
    await sandbox.writeEntries([...programs, { type: 'directory', path: '/out', mode: 0o755 }]);
    const said: Uint8Array[] = [];
    const { exitCode } = await sandbox.spawn('node', [...SNAPSHOT_COMMAND, '/out/snapshot.bin', ...libraries], {
      onStdout: (chunk) => said.push(chunk),
      onStderr: (chunk) => said.push(chunk),
    }).exited;
    const [entry] = await sandbox.exportChanges('/out');
    if (exitCode !== 0 || entry?.type !== 'file')
      throw new Error(`The memory of Ruby could not be taken:\n${Buffer.concat(said)}`);
    await writeWhole(file, entry.content);
  } finally {
    await sandbox.close();
  }
}
