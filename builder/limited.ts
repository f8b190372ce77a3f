import { BuildFailure } from './failure.ts';

/**
 * Passes on a body of at most so many bytes.
 *
 * @param what names it in messages: `The package acme/thing 1.0.0`
 * @throws BuildFailure when there are more
 */
export async function* limited(body: AsyncIterable<Uint8Array>, most: number, what: string): AsyncIterable<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw new BuildFailure(`${what} is larger than ${most / 1024 ** 2} MB.`);
    yield chunk;
  }
}
