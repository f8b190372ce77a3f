/** File trees of the host on their way into the machine and back. Nothing that comes back may leave its directory. */
import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { createTarDecoder } from 'modern-tar';
import type { TreeEntry } from './protocol.ts';

/** Files are read this many at a time. */
const parallel = 64;

/**
 * Reads a directory of the host, in groups of entries.
 *
 * @param path where it is in the machine
 * @throws Error when a link leads out of it
 */
export async function* readDirectory(directory: string, path: string): AsyncGenerator<TreeEntry[]> {
  const root = resolve(directory);
  const waiting: string[] = [''];
  yield [{ type: 'directory', path, mode: 0o755 }];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    const entries = await readdir(join(root, current), { withFileTypes: true });
    for (let start = 0; start < entries.length; start += parallel) {
      const group = entries.slice(start, start + parallel).map(async (entry): Promise<TreeEntry[]> => {
        const local = posix.join(current, entry.name);
        const source = join(root, local);
        const target = posix.join(path, local);
        if (entry.isDirectory()) {
          waiting.push(local);
          return [{ type: 'directory', path: target, mode: 0o755 }];
        }
        if (entry.isSymbolicLink()) return [await readLink(root, local, target)];
        if (!entry.isFile()) return [];
        const [{ mode }, content] = await Promise.all([lstat(source), readFile(source)]);
        return [{ type: 'file', path: target, mode: mode & 0o777, content }];
      });
      yield (await Promise.all(group)).flat();
    }
  }
}

async function readLink(root: string, local: string, path: string): Promise<TreeEntry> {
  const target = await readlink(join(root, local));
  const absolute = resolve(join(root, dirname(local)), target);
  if (!isInside(root, absolute)) throw new Error(`the link ${local} leads out of the tree`);
  return { type: 'symlink', path, target: posix.relative(posix.dirname(local), relative(root, absolute)) || '.' };
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/**
 * Reads a tar archive, in groups of entries.
 *
 * @throws Error when an entry leads out of the archive's own tree, or is neither file, directory nor link
 */
export async function* readTar(
  archive: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Uint8Array,
  into: string,
): AsyncGenerator<TreeEntry[]> {
  const source = archive instanceof Uint8Array ? ReadableStream.from([archive]) : ReadableStream.from(archive);
  const entries = source.pipeThrough(createTarDecoder({ strict: true }) as ReadableWritablePair<TarEntry, Uint8Array>);
  for await (const { header, body } of entries) {
    const { name, type = 'file', mode = 0o644, linkname = '' } = header;
    const local = posix.normalize(name).replace(/\/$/, '');
    if (local.startsWith('/') || local.split('/').includes('..') || local.includes('\0')) {
      throw new Error(`the archive has an entry outside of its own tree: ${JSON.stringify(name)}`);
    }
    const path = posix.join(into, local);
    if (type === 'directory') yield [{ type, path, mode: 0o755 }];
    else if (type === 'symlink') yield [{ type, path, target: linkname }];
    else if (type === 'file') {
      const content = new Uint8Array(await new Response(body).arrayBuffer());
      yield [{ type, path, mode: (mode & 0o100) !== 0 ? 0o755 : 0o644, content }];
      continue;
    } else throw new Error(`the archive has a ${type} at ${JSON.stringify(name)}`);
    await body.cancel();
  }
}

interface TarEntry {
  header: { name: string; type?: string; mode?: number; linkname?: string };
  body: ReadableStream<Uint8Array>;
}

/**
 * Applies what a machine changed to a directory of the host. What the machine says is not believed: a path that is
 * absolute or climbs, a link that leads out, and an entry whose way leads through a link are refused.
 *
 * @param directory absolute path, without links in it
 * @throws Error when an entry would leave the directory
 */
export async function applyChanges(entries: Iterable<TreeEntry>, directory: string): Promise<void> {
  /** Directories that were seen to be none but directories, down from `directory`. */
  const safe = new Set(['']);
  for (const entry of entries) {
    const steps = entry.path.split('/');
    if (
      entry.path === '' ||
      entry.path.includes('\0') ||
      steps.some((step) => step === '' || step === '.' || step === '..')
    ) {
      throw new Error(`the sandbox named a path outside of its tree: ${JSON.stringify(entry.path)}`);
    }
    await makeParents(directory, steps.slice(0, -1), safe);
    const path = join(directory, entry.path);
    if (entry.type === 'directory') {
      const existing = await lstat(path).catch(() => undefined);
      if (!existing?.isDirectory()) {
        await rm(path, { force: true });
        await mkdir(path);
      }
      continue;
    }
    safe.clear();
    safe.add('');
    await rm(path, { recursive: true, force: true });
    if (entry.type === 'file') {
      await writeFile(path, entry.content, { mode: (entry.mode & 0o100) !== 0 ? 0o755 : 0o644, flag: 'wx' });
    } else if (entry.type === 'symlink') {
      const target = resolve(dirname(path), entry.target);
      // A step up that comes after a name could start from where another link leads to.
      const linkSteps = entry.target.split('/').filter((step) => step !== '' && step !== '.');
      const firstName = linkSteps.findIndex((step) => step !== '..');
      const climbsLater = firstName >= 0 && linkSteps.slice(firstName).includes('..');
      if (climbsLater || !isInside(directory, target)) throw new Error(`the link ${entry.path} leads out of the tree`);
      // Without what it says of the way: `a/..` is another place where `a` is a link.
      await symlink(relative(dirname(path), target) || '.', path);
    }
  }
}

/** Makes the directories above an entry, none of which may be a link. */
async function makeParents(directory: string, steps: string[], safe: Set<string>): Promise<void> {
  let path = '';
  for (const step of steps) {
    path = path === '' ? step : `${path}/${step}`;
    if (safe.has(path)) continue;
    const existing = await lstat(join(directory, path)).catch(() => undefined);
    if (existing === undefined) await mkdir(join(directory, path));
    else if (!existing.isDirectory())
      throw new Error(`the sandbox wrote through ${JSON.stringify(path)}, which is not a directory`);
    safe.add(path);
  }
}
