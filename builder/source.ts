import { mkdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { unpack } from './archive.ts';

/** As many as Heroku's slug could hold, with room for what a build leaves out of it. */
const limits = { entries: 100_000, bytes: 1024 ** 3 };

/**
 * Fetches a commit's tree and unpacks it into `directory`, which is made and open to this user alone.
 *
 * A `node_modules` at the root stays out: it was made for another machine, and the lockfile says what belongs in it.
 *
 * @param secret the internal secret, for the edge
 * @returns whether there was a `node_modules`
 * @throws BuildFailure when the archive breaks a rule of `unpack`
 */
export async function fetchSource(
  url: string,
  directory: string,
  { secret, signal }: { secret: string; signal: AbortSignal },
): Promise<{ hadModules: boolean }> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${secret}` }, signal });
  if (!response.ok || response.body === null) throw new Error(`The edge answered ${response.status} for the source`);
  await mkdir(directory, { mode: 0o700, recursive: true });
  let hadModules = false;
  await unpack(Readable.fromWeb(response.body as ReadableStream), directory, {
    what: 'The pushed source',
    limits,
    accept: ({ name }) => {
      const modules = /^(\.\/)?node_modules(\/|$)/.test(name);
      hadModules ||= modules;
      return !modules;
    },
    signal,
  });
  return { hadModules };
}
