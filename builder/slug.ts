import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { packTar, type TarSource } from 'modern-tar/fs';
import { type SlugManifest, slugManifest } from '../schema/slug.ts';
import { BuildFailure } from './failure.ts';
import { sizeOf } from './files.ts';

/** The limit on a slug's size, as Heroku has it. */
const maxBytes = 500 * 1024 ** 2;

export interface SlugContents {
  manifest: SlugManifest;
  /** Modules by their path below `code/`. */
  code: ReadonlyMap<string, Uint8Array>;
  /** Files by their path below `files/`, to their absolute path on this host. */
  files: ReadonlyMap<string, string>;
  /** What many slugs have in common, by the name of the module, to its absolute path on this host. */
  shared?: ReadonlyMap<string, string>;
  /** Source maps of modules, by the module's path below `code/`. */
  maps?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes a slug to `path`: schema/slug.ts says in what form.
 *
 * @returns SHA-256 of the archive in lower-case hex, and its size in bytes
 * @throws BuildFailure when it is too large
 */
export async function writeSlug(
  { manifest, code, files }: SlugContents,
  path: string,
  signal: AbortSignal,
): Promise<{ sha256: string; size: number }> {
  const json = `${JSON.stringify(slugManifest.parse(manifest), null, 2)}\n`;
  const sources: TarSource[] = [
    { type: 'content', content: json, target: 'manifest.json' },
    ...sorted(code).map(([name, content]): TarSource => ({ type: 'content', content, target: `code/${name}` })),
    ...sorted(files).map(([name, source]): TarSource => ({ type: 'file', source, target: `files/${name}` })),
  ];
  let bytes = 0;
  for (const content of code.values()) bytes += content.byteLength;
  for (const file of files.values()) bytes += sizeOf(file);
  if (bytes > maxBytes) {
    throw new BuildFailure(`Compiled slug size: ${megabytes(bytes)} is too large (max is ${megabytes(maxBytes)}).`, {
      help: ['Keep large files out of the repository, for instance in an object store that the app reads from.'],
    });
  }

  const hash = createHash('sha256');
  let size = 0;
  await pipeline(
    packTar(sources, {
      map: (header) => ({
        ...header,
        mode: plainMode(header.mode),
        mtime: epoch,
        uid: 0,
        gid: 0,
        uname: '',
        gname: '',
      }),
    }),
    async function* (archive: AsyncIterable<Uint8Array>) {
      for await (const chunk of archive) {
        hash.update(chunk);
        size += chunk.byteLength;
        yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o600 }),
    { signal },
  );
  return { sha256: hash.digest('hex'), size };
}

export interface Storage {
  /** `PUT <url>/<sha256>` stores, `HEAD` answers 200 when it is there. */
  url: string;
  /** The internal secret. */
  secret: string;
  signal: AbortSignal;
}

/** Stores a file with the edge under the hash of its bytes, unless it is there already. */
export async function storeByHash(path: string, sha256: string, { url, secret, signal }: Storage): Promise<void> {
  const place = `${url.replace(/\/$/, '')}/${sha256}`;
  const authorization = `Bearer ${secret}`;
  const known = await fetch(place, { method: 'HEAD', headers: { authorization }, signal });
  if (known.ok) return;
  const response = await fetch(place, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/octet-stream' },
    body: await openAsBlob(path),
    signal,
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`The edge answered ${response.status} for ${place}`);
}

/**
 * Stores what a slug has in common with others.
 *
 * @param files absolute paths, by the name of the module
 * @returns their SHA-256, by name, for the manifest
 */
export async function storeShared(
  files: ReadonlyMap<string, string>,
  storage: Storage,
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const [name, path] of files) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    const sha256 = hash.digest('hex');
    await storeByHash(path, sha256, storage);
    hashes[name] = sha256;
  }
  return hashes;
}

/**
 * Stores the source maps of a slug's modules.
 *
 * @param scratch a directory for files of the build's own
 * @returns their SHA-256, by the module's path below `code/`, for the manifest
 */
export async function storeMaps(
  maps: ReadonlyMap<string, Uint8Array>,
  scratch: string,
  storage: Storage,
): Promise<Record<string, string>> {
  const files = new Map<string, string>();
  for (const [name, map] of maps) {
    const file = join(scratch, `${files.size}.map`);
    await writeFile(file, map);
    files.set(name, file);
  }
  return storeShared(files, storage);
}

/** `1.2M`, as Heroku's log has it. */
export function megabytes(bytes: number): string {
  return bytes < 1024 ** 2 / 20 ? `${Math.max(1, Math.round(bytes / 1024))}K` : `${(bytes / 1024 ** 2).toFixed(1)}M`;
}

const epoch = new Date(0);

function plainMode(mode: number | undefined): number {
  return ((mode ?? 0) & 0o100) === 0 ? 0o644 : 0o755;
}

/** By name, in the order of UTF-16 code units, which no locale changes. */
function sorted<Value>(entries: ReadonlyMap<string, Value>): [string, Value][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
