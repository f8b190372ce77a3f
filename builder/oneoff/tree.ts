import { posix } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { createTarDecoder } from 'modern-tar';
import type { Sandbox, TreeEntry } from '../../sandbox/index.ts';
import { type SlugManifest, slugManifest } from '../../schema/slug.ts';

/** Where the app's tree stands in the machine, as on Heroku. */
export const home = '/app';

/** Bytes of files that are sent to the machine at once. */
const BATCH = 1 << 20;

/** What a slug has that is not the app's tree. */
export interface Unpacked {
  manifest: SlugManifest;
  /** Modules, by their path below `code/`. */
  code: Map<string, Uint8Array>;
}

/**
 * Puts the app's tree out of a slug into a machine.
 *
 * @param archive the slug, in the form of schema/slug.ts
 * @throws Error when it has no manifest
 */
export async function unpackSlug(archive: ReadableStream<Uint8Array>, sandbox: Sandbox): Promise<Unpacked> {
  let manifest: SlugManifest | undefined;
  const code = new Map<string, Uint8Array>();
  await unpack(archive, sandbox, (name, read) => {
    if (name === 'manifest.json') {
      return read().then((bytes) => {
        manifest = slugManifest.parse(JSON.parse(new TextDecoder().decode(bytes)));
        return undefined;
      });
    }
    if (name.startsWith('code/')) {
      return read().then((bytes) => {
        code.set(name.slice('code/'.length), bytes);
        return undefined;
      });
    }
    return name.startsWith('files/') ? name.slice('files/'.length) : undefined;
  });
  if (!manifest) throw new Error('The slug has no manifest.');
  return { manifest, code };
}

/** Puts an archive of packages, with paths relative to the app's tree, into a machine. */
export const unpackPackages = (archive: ReadableStream<Uint8Array>, sandbox: Sandbox): Promise<void> =>
  unpack(archive, sandbox, (name) => name);

/** @param place says where a file belongs in the app's tree; undefined for one that does not */
async function unpack(
  archive: ReadableStream<Uint8Array>,
  sandbox: Sandbox,
  place: (name: string, read: () => Promise<Uint8Array>) => string | undefined | Promise<undefined>,
): Promise<void> {
  let batch: TreeEntry[] = [];
  let bytes = 0;
  for await (const { header, body } of archive.pipeThrough(createTarDecoder() as never) as AsyncIterable<TarEntry>) {
    const read = async () => new Uint8Array(await new Response(body as never).arrayBuffer());
    const path = await place(header.name, read);
    if (path === undefined) {
      if (!body.locked) await body.cancel();
      continue;
    }
    if (header.type === 'symlink') {
      await body.cancel();
      batch.push({ type: 'symlink', path: posix.join(home, path), target: header.linkname ?? '' });
      continue;
    }
    const content = await read();
    const mode = ((header.mode ?? 0) & 0o100) === 0 ? 0o644 : 0o755;
    batch.push({ type: 'file', path: posix.join(home, path), mode, content });
    bytes += content.length;
    if (bytes < BATCH) continue;
    await sandbox.writeEntries(batch);
    batch = [];
    bytes = 0;
  }
  await sandbox.writeEntries(batch);
}

interface TarEntry {
  header: { name: string; type?: string; mode?: number; linkname?: string };
  body: ReadableStream<Uint8Array>;
}
