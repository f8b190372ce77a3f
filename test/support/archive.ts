import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';

/** A gzipped tar archive of files by their names, or of entries as they are. */
export async function tgz(contents: Record<string, string> | TarEntry[]): Promise<Buffer> {
  const entries = Array.isArray(contents)
    ? contents
    : Object.entries(contents).map(([name, body]) => ({ header: { name, size: Buffer.byteLength(body) }, body }));
  return gzipSync(await packTar(entries));
}

/** A checksum as the Platform API has it. */
export const checksumOf = (bytes: Buffer): string => `SHA256:${createHash('sha256').update(bytes).digest('hex')}`;
