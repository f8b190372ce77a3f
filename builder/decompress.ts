import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BuildFailure } from './failure.ts';

/** Most bytes of an archive on the wire. */
const maxArchive = 500 * 1024 ** 2;
/** Most bytes of an archive unpacked, what is left out of it included. */
const maxContents = 2 * 1024 ** 3;

/**
 * The tar archive in a body that may be gzipped (RFC 1952), which its first bytes tell.
 *
 * The stream fails with a BuildFailure when the body is too large, before or after, is damaged, or has not the hash it
 * must have: whoever reads it to its end has an archive that is whole.
 *
 * @param what names the archive in messages: `The source`
 * @param sha256 the hash of the body as it comes, in lower-case hex; null takes any
 */
export async function decompress(
  body: Readable,
  { what, sha256 }: { what: string; sha256: string | null },
): Promise<Readable> {
  const chunks = checked(body, what, sha256);
  const first = await chunks.next();
  if (first.done) throw new BuildFailure(`${what} is empty.`);
  const whole = Readable.from(startingWith(first.value, chunks), { objectMode: false });
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return whole;
  return Readable.from(gunzip(whole, what), { objectMode: false });
}

async function* checked(body: Readable, what: string, sha256: string | null): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (chunk.byteLength === 0) continue;
    bytes += chunk.byteLength;
    if (bytes > maxArchive) throw new BuildFailure(`${what} is larger than ${maxArchive / 1024 ** 2} MB.`);
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest('hex');
  if (sha256 !== null && found !== sha256) {
    throw new BuildFailure(`${what} is not what its checksum says: it is SHA256:${found}.`, {
      help: [`The checksum is SHA256:${sha256}. Upload the archive again, or correct the checksum.`],
    });
  }
}

async function* startingWith(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

async function* gunzip(archive: Readable, what: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    // What fails, fails the iteration.
    for await (const chunk of pipeline(archive, createGunzip(), () => {})) {
      bytes += chunk.byteLength;
      if (bytes > maxContents) {
        throw new BuildFailure(`${what} unpacks to more than ${maxContents / 1024 ** 3} GB.`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof BuildFailure) throw error;
    throw new BuildFailure(`${what} is a damaged gzip archive: ${error instanceof Error ? error.message : error}.`, {
      cause: error,
    });
  }
}
