/** Looks into archives of sources before they are built. */
import { createTarDecoder } from 'modern-tar';
import type { Env } from '../env.ts';
import { invalid } from './errors.ts';
import { fetchPublic } from './internet.ts';
import { sourceKey } from './sources.ts';

const MAX_REDIRECTS = 5;

/** Most bytes of an archive, unpacked, that are looked through. */
const MAX_BYTES = 512 * 1024 ** 2;

/** Most bytes of the file that is looked for. */
const MAX_FILE = 256 * 1024;

/**
 * Reads a file at the root of a source's archive: a tar, gzipped or not, whose root may be one directory.
 *
 * @param source `id` of one that was uploaded to `/sources`, or else its URL
 * @returns undefined when it has no such file
 * @throws ApiError 422 when the archive cannot be had or read
 */
export async function readRootFile(
  env: Env,
  source: { id: string | null; url: string },
  name: string,
): Promise<string | undefined> {
  const archive = await open(env, source);
  try {
    const entries = (await decompressed(archive)).pipeThrough(limited()).pipeThrough(createTarDecoder());
    for await (const { header, body } of entries) {
      if (header.type === 'file' && isAtRoot(header.name, name) && header.size <= MAX_FILE) return await textOf(body);
      await body.cancel();
    }
    return undefined;
  } catch (error) {
    throw invalid(`source_blob.url: the archive cannot be read: ${(error as Error).message}`);
  }
}

const isAtRoot = (path: string, name: string): boolean => {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.at(-1) === name && parts.length <= 2;
};

const textOf = (body: ReadableStream<Uint8Array>): Promise<string> => new Response(body).text();

async function open(
  env: Env,
  { id, url: asked }: { id: string | null; url: string },
): Promise<ReadableStream<Uint8Array>> {
  if (id !== null) {
    const object = await env.BUCKET.get(sourceKey(id));
    if (object) return object.body;
  }
  let url = asked;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetchPublic(env, url, {}).catch((error: Error) => {
      throw invalid(`source_blob.url: it cannot be fetched: ${error.message}`);
    });
    const location = response.headers.get('location');
    if (response.ok && response.body) return response.body;
    await response.body?.cancel();
    if (response.status < 300 || response.status > 399 || location === null) {
      throw invalid(`source_blob.url: it cannot be fetched: the server answered ${response.status}.`);
    }
    url = new URL(location, url).href;
  }
  throw invalid(`source_blob.url: it redirects more than ${MAX_REDIRECTS} times.`);
}

/** gzip (RFC 1952) tells itself by its first two bytes. */
async function decompressed(archive: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const reader = archive.getReader();
  const { value: first = new Uint8Array() } = await reader.read();
  const whole = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(first),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const isGzip = first[0] === 0x1f && first[1] === 0x8b;
  return isGzip
    ? whole.pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>)
    : whole;
}

function limited(): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 ** 2} MB`);
      controller.enqueue(chunk);
    },
  });
}
