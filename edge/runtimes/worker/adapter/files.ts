import { unpackTar } from 'modern-tar';

const FILES = 'files/';

/**
 * Reads the files of a slug below a directory of its tree.
 *
 * @param archive a tar with paths that begin with `files/`
 * @param directory `dist`; empty for the whole tree
 * @returns them by their path below the directory, which begins with a slash
 */
export async function readFiles(
  archive: ReadableStream<Uint8Array>,
  directory: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const prefix = directory === '' ? FILES : `${FILES}${directory}/`;
  const entries = await unpackTar(archive, { filter: ({ name }) => name.startsWith(prefix) });
  return new Map(
    entries.map(({ header, data }) => [
      `/${header.name.slice(prefix.length)}`,
      (data ?? new Uint8Array()) as Uint8Array<ArrayBuffer>,
    ]),
  );
}
