import { unpackTar } from 'modern-tar';
import { type SlugManifest, slugManifest } from '../../schema/slug.ts';

/** A slug, read as far as a runtime needs it to compose a Worker. */
export interface Slug {
  manifest: SlugManifest;
  /** The modules below `code/`, by their path below it. */
  code: Map<string, Uint8Array<ArrayBuffer>>;
  /** The modules that it has in common with other slugs, by name. */
  shared: Map<string, Uint8Array<ArrayBuffer>>;
  /** All of it, as it was stored; the instance unpacks `files/` itself. */
  archive: Uint8Array<ArrayBuffer>;
}

const MANIFEST = 'manifest.json';
const CODE = 'code/';

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
  const entries = await unpackTar(archive, { filter: ({ name }) => name === MANIFEST || name.startsWith(CODE) });
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
    archive,
  };
}
