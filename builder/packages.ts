import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, lstatSync, readdirSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createTarPacker, type TarHeader } from 'modern-tar';
import type { BuildLog } from './log.ts';
import { megabytes, type Storage, storeByHash } from './slug.ts';

/** The limit on a slug's size, as Heroku has it, which counts packages too. Bytes. */
const MAX_BYTES = 500 * 1024 ** 2;

/**
 * Stores every `node_modules` of a tree for one-off dynos: instances have their packages bundled. The archive is the same
 * for the same packages, so most builds find theirs stored already.
 *
 * @param tree absolute path, without links in it
 * @returns the SHA-256 of archives, for `packages` of the manifest
 */
export async function storePackages(
  tree: string,
  { scratch, log, storage }: { scratch: string; log: BuildLog; storage: Storage },
): Promise<string[]> {
  const paths = packageFiles(tree);
  if (paths.length === 0) return [];
  const bytes = paths.reduce((sum, path) => sum + lstatSync(join(tree, path)).size, 0);
  if (bytes > MAX_BYTES) {
    log.warn(`node_modules takes ${megabytes(bytes)}; one-off dynos and release commands do without it.`);
    return [];
  }
  const archive = join(scratch, 'packages.tar');
  const hash = createHash('sha256');
  await pipeline(
    pack(tree, paths),
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(archive, { mode: 0o600 }),
    { signal: storage.signal },
  );
  const sha256 = hash.digest('hex');
  await storeByHash(archive, sha256, storage);
  return [sha256];
}

/** Files and links below every `node_modules`, relative to the tree, in an order that no locale changes. */
function packageFiles(tree: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, inside: boolean): void => {
    for (const entry of readdirSync(join(tree, directory), { withFileTypes: true })) {
      if (entry.name === '.git') continue;
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) visit(path, inside || entry.name === 'node_modules');
      else if (inside && (entry.isFile() || entry.isSymbolicLink())) found.push(path);
    }
  };
  if (existsSync(tree)) visit('', false);
  return found.sort();
}

/** A tar archive, one file in memory at a time. */
function pack(tree: string, paths: readonly string[]): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const plain = { mtime: new Date(0), uid: 0, gid: 0 };
  const add = async (header: TarHeader, content?: Uint8Array) => {
    const writer = controller.add({ ...plain, ...header }).getWriter();
    if (content?.length) await writer.write(content);
    await writer.close();
  };
  const addAll = async () => {
    for (const name of paths) {
      const stat = lstatSync(join(tree, name));
      if (stat.isSymbolicLink()) {
        await add({ name, type: 'symlink', linkname: await readlink(join(tree, name)), size: 0 });
      } else {
        const content = await readFile(join(tree, name));
        await add({ name, type: 'file', size: content.length, mode: stat.mode & 0o100 ? 0o755 : 0o644 }, content);
      }
    }
    controller.finalize();
  };
  addAll().catch((error: unknown) => controller.error(error));
  return readable;
}
