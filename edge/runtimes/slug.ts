import { unpackTar } from 'modern-tar';
import { type SlugManifest, slugManifest } from '../../schema/slug.ts';

/** A slug, read as far as a runtime needs it to compose a Worker. */
export interface Slug {
  manifest: SlugManifest;
  /** The modules below `code/`, by their path below it. */
  code: Map<string, Uint8Array<ArrayBuffer>>;
  /** The modules that it has in common with other slugs, by name. */
  shared: Map<string, Uint8Array<ArrayBuffer>>;
  /** The part of the archive with `files/`, which the instance unpacks itself: a tar. */
  files: Uint8Array<ArrayBuffer>;
  /** Bytes of the archive. */
  size: number;
}

const MANIFEST = 'manifest.json';
const CODE = 'code/';
const FILES = 'files/';

/**
 * Reads an archive laid out as schema/slug.ts says.
 *
 * @param load gives the module with a SHA-256 that the slug has in common with others
 * @throws Error when it is not a tar, or has no manifest or one of another version
 */
export async function readSlug(
  archive: Uint8Array<ArrayBuffer>,
  load: (sha256: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Slug> {
  const end = startOfFiles(archive);
  const entries = await unpackTar(archive.subarray(0, end), {
    filter: ({ name }) => name === MANIFEST || name.startsWith(CODE),
  });
  const read = new Map(entries.map(({ header, data = new Uint8Array() }) => [header.name, data]));
  const manifest = read.get(MANIFEST);
  if (!manifest) throw new Error('The slug has no manifest.');
  read.delete(MANIFEST);
  const parsed = slugManifest.parse(JSON.parse(new TextDecoder().decode(manifest)));
  const shared = Object.entries(parsed.shared ?? {}).map(async ([name, sha256]) => [name, await load(sha256)] as const);
  return {
    manifest: parsed,
    code: new Map([...read].map(([name, data]) => [name.slice(CODE.length), data])),
    shared: new Map(await Promise.all(shared)),
    files: archive.subarray(end),
    size: archive.length,
  };
}

/** A tar consists of blocks of so many bytes: a header, and a file's content (POSIX, "ustar Interchange Format"). */
const BLOCK = 512;

/** Kinds of headers that belong to the next one: a long name, for instance. */
const EXTENDED = 'xgLK';

/** Where the first file of the app's tree begins; the end when there is none. */
function startOfFiles(archive: Uint8Array): number {
  let start: number | undefined;
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const name = decoder.decode(archive.subarray(at, at + FILES.length));
    const kind = String.fromCharCode(archive[at + 156] ?? 0);
    const size = Number.parseInt(decoder.decode(archive.subarray(at + 124, at + 136)), 8);
    if (Number.isNaN(size)) break;
    if (EXTENDED.includes(kind)) start ??= at;
    else if (name === FILES) return start ?? at;
    else start = undefined;
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return archive.length;
}

const decoder = new TextDecoder();
