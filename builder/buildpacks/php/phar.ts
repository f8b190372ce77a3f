/**
 * PHP's archives ("Phar file format", PHP manual). After a stub of PHP comes a manifest, its numbers with the lowest byte
 * first:
 *
 *     length (4), files (4), version (2), flags (4), alias (4 + n), metadata (4 + n), entries
 *     entry = name (4 + n), size (4), time (4), packed size (4), CRC-32 (4), flags (4), metadata (4 + n)
 *
 * and then the files' contents, one after the other.
 */
import { inflateRawSync } from 'node:zlib';

const STUB_END = Buffer.from('__HALT_COMPILER();');

const PACKED = { deflate: 0x1000, bzip2: 0x2000 };

/** Most bytes of all files together. */
const MOST = 128 * 1024 ** 2;

/**
 * @returns its files by their paths
 * @throws Error when it is no such archive, or has what cannot be unpacked
 */
export function readPhar(bytes: Buffer): Map<string, Buffer> {
  const stub = bytes.indexOf(STUB_END);
  if (stub < 0) throw new Error('it is no phar: it has no __HALT_COMPILER();');
  let at = stub + STUB_END.length;
  const [closing = ''] = /^ ?(\?>(\r\n|\n)?)?/.exec(bytes.toString('latin1', at, at + 8)) ?? [];
  at += closing.length;
  const number = (): number => {
    if (at + 4 > bytes.length) throw new Error('it is cut off');
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  const field = (): Buffer => {
    const length = number();
    if (at + length > bytes.length) throw new Error('it is cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const contents = number() + at;
  const count = number();
  at += 2 + 4;
  field();
  field();
  const entries = Array.from({ length: count }, () => {
    const name = field().toString();
    const size = number();
    number();
    const packed = number();
    number();
    const flags = number();
    field();
    return { name, size, packed, flags };
  });
  if (entries.reduce((sum, { size }) => sum + size, 0) > MOST)
    throw new Error(`it has more than ${MOST} bytes of files`);
  at = contents;
  const files = new Map<string, Buffer>();
  for (const { name, size, packed, flags } of entries) {
    const content = bytes.subarray(at, at + packed);
    at += packed;
    if (name.endsWith('/')) continue;
    if (name.split('/').some((part) => part === '..' || part === ''))
      throw new Error(`it has a file ${JSON.stringify(name)}`);
    if (flags & PACKED.bzip2) throw new Error(`${name} is packed by bzip2`);
    const file = flags & PACKED.deflate ? inflateRawSync(content, { maxOutputLength: size }) : content;
    if (file.length !== size) throw new Error(`${name} is cut off`);
    files.set(name, file);
  }
  return files;
}
