/** The app's files, from the slug's archive into the engine's memory: without a copy, as a tree may have thousands. */
import { appRoot } from '../../../../schema/app-root.ts';
import type { EngineModule } from './libraries.ts';

const FILES = 'files/';

/** A tar consists of blocks of so many bytes: a header, and a file's content (POSIX, "ustar Interchange Format"). */
const BLOCK = 512;
const REGULAR = 0o100644;

interface Node {
  contents: unknown;
  usedBytes: number;
}

interface FileSystem {
  createNode(parent: Node, name: string, mode: number, device: number): Node;
}

/** @param archive a tar with paths that begin with `files/`; its bytes are the files' from then on */
export function writeTree({ FS }: EngineModule, archive: Uint8Array): void {
  const { MEMFS } = FS.filesystems as { MEMFS: FileSystem };
  const directories = new Map<string, Node>();
  for (const [path, content] of filesOf(archive)) {
    const slash = path.lastIndexOf('/');
    const directory = `${appRoot}/${path.slice(0, Math.max(slash, 0))}`;
    let parent = directories.get(directory);
    if (!parent) {
      FS.mkdirTree(directory);
      parent = FS.lookupPath(directory).node as Node;
      directories.set(directory, parent);
    }
    const node = MEMFS.createNode(parent, path.slice(slash + 1), REGULAR, 0);
    node.contents = content;
    node.usedBytes = content.length;
  }
}

/** Paths below `files/`, and what they have. */
function* filesOf(archive: Uint8Array): Iterable<[path: string, content: Uint8Array]> {
  let longPath: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    const size = Number.parseInt(text(header, 124, 12), 8);
    if (Number.isNaN(size)) return;
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const kind = String.fromCharCode(header[156] ?? 0);
    // A path that has no room in the next header: the record of pax (POSIX, "pax Interchange Format").
    if (kind === 'x') longPath = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(decoder.decode(content))?.[1];
    if (kind !== '0' && kind !== '\0') continue;
    const prefix = text(header, 345, 155);
    const path = longPath ?? (prefix && `${prefix}/`) + text(header, 0, 100);
    longPath = undefined;
    if (path.startsWith(FILES)) yield [path.slice(FILES.length), content];
  }
}

const decoder = new TextDecoder();

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}
