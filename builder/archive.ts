/**
 * Unpacks tar archives that nobody has looked at: a pushed source tree, a package from a registry.
 */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TarHeader } from 'modern-tar';
import { unpackTar } from 'modern-tar/fs';
import { BuildFailure } from './failure.ts';

export interface UnpackLimits {
  /** Most entries of any kind. */
  entries: number;
  /** Most bytes of all files together. */
  bytes: number;
}

/**
 * Unpacks a tar stream into `directory`, which is created.
 *
 * Refuses what is not a file, a directory or a link (devices, pipes), names that are absolute or climb with `..`, and
 * links that lead out of `directory`. Of an entry's mode only the executable bit is kept.
 *
 * @param what names the archive in messages: `The pushed source`
 * @param accept decides on an entry by its header; an entry left out is neither checked nor counted
 * @throws BuildFailure when the archive breaks a rule or a limit, or is damaged
 */
export async function unpack(
  archive: Readable,
  directory: string,
  {
    what,
    limits,
    strip = 0,
    accept = () => true,
    signal,
  }: {
    what: string;
    limits: UnpackLimits;
    strip?: number;
    accept?: (header: TarHeader) => boolean;
    signal?: AbortSignal;
  },
): Promise<void> {
  let entries = 0;
  let bytes = 0;

  const filter = (header: TarHeader): boolean => {
    if (!accept(header)) return false;
    entries += 1;
    bytes += header.size;
    if (entries > limits.entries) {
      throw new BuildFailure(`${what} has more than ${limits.entries.toLocaleString('en')} files.`);
    }
    if (bytes > limits.bytes) {
      throw new BuildFailure(`${what} is larger than ${Math.floor(limits.bytes / 1024 ** 2)} MB.`);
    }
    checkEntry(header, what);
    return true;
  };

  try {
    await pipeline(archive, unpackTar(directory, { strip, filter, map: plain, strict: true, maxDepth: 256 }), {
      signal,
    });
  } catch (error) {
    if (error instanceof BuildFailure || signal?.aborted) throw error;
    throw new BuildFailure(`${what} could not be unpacked: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

const ordinary = new Set<TarHeader['type']>(['file', 'directory', 'symlink', 'link']);

function checkEntry({ name, type = 'file' }: TarHeader, what: string): void {
  if (!ordinary.has(type)) throw new BuildFailure(`${what} has a ${type} at ${JSON.stringify(name)}.`);
  if (name.startsWith('/') || name.split(/[/\\]/).includes('..') || name.includes('\0')) {
    throw new BuildFailure(`${what} has an entry outside of its own tree: ${JSON.stringify(name)}.`);
  }
}

/** Owner, times and special bits of an archive mean nothing here. */
function plain(header: TarHeader): TarHeader {
  const executable = ((header.mode ?? 0) & 0o100) !== 0;
  const mode = header.type === 'directory' || executable ? 0o755 : 0o644;
  return { ...header, mode, mtime: undefined };
}
