import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { BuildOrder } from '../schema/build.ts';
import { unpack } from './archive.ts';
import { decompress } from './decompress.ts';
import { BuildFailure } from './failure.ts';
import type { Web } from './web.ts';

/** As many as Heroku's slug could hold, with room for what a build leaves out of it. */
const limits = { entries: 100_000, bytes: 1024 ** 3 };

interface From {
  /** The internal secret, for the edge. */
  secret: string;
  web: Web;
  signal: AbortSignal;
}

/**
 * Fetches a source and unpacks it into `directory`, which is made and open to this user alone. An archive whose root is
 * one directory, as code hosts make them, is taken for what is in it.
 *
 * A `node_modules` at the root stays out: it was made for another machine, and the lockfile says what belongs in it.
 *
 * @returns whether there was a `node_modules`
 * @throws BuildFailure when it cannot be fetched, or the archive breaks a rule of `unpack`
 */
export async function fetchSource(
  source: BuildOrder['source'],
  directory: string,
  from: From,
): Promise<{ hadModules: boolean }> {
  const what = source.from === 'push' ? 'The pushed source' : 'The source';
  const archive = await open(source, what, from);
  await mkdir(directory, { mode: 0o700, recursive: true });
  let hadModules = false;
  await unpack(archive, directory, {
    what,
    limits,
    accept: ({ name }) => {
      const modules = /^(\.\/)?node_modules(\/|$)/.test(name);
      hadModules ||= modules;
      return !modules;
    },
    signal: from.signal,
  });
  if (source.from === 'push' || !(await unwrap(directory))) return { hadModules };
  const modules = join(directory, 'node_modules');
  hadModules = existsSync(modules);
  await rm(modules, { recursive: true, force: true });
  return { hadModules };
}

/**
 * Fetches a slug in Heroku's form and unpacks what is in its `app` directory into `directory`, which is made.
 *
 * @throws BuildFailure when it cannot be fetched, breaks a rule of `unpack`, or has no `app` directory
 */
export async function fetchSlug(source: BuildOrder['source'], directory: string, from: From): Promise<void> {
  const what = 'The slug';
  const archive = await open(source, what, from);
  const whole = `${directory}.slug`;
  await mkdir(whole, { mode: 0o700, recursive: true });
  await unpack(archive, whole, {
    what,
    limits,
    accept: ({ name }) => /^(\.\/)?app(\/|$)/.test(name),
    signal: from.signal,
  });
  const [app] = (await readdir(whole, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  if (app === undefined) {
    throw new BuildFailure('The slug has no directory ./app.', {
      help: ['Make it of the directory above it: `tar czf slug.tgz ./app`.'],
    });
  }
  await rename(join(whole, 'app'), directory);
  await rm(whole, { recursive: true });
}

async function open({ url, from: place, sha256 }: BuildOrder['source'], what: string, from: From): Promise<Readable> {
  const { secret, web, signal } = from;
  if (place === 'internet') return decompress(await web.fetch(url, { what, signal }), { what, sha256 });
  const response = await fetch(url, { headers: { authorization: `Bearer ${secret}` }, signal });
  if (response.status === 404) throw new BuildFailure(`${what} is not there any more. Upload it again.`);
  if (!response.ok || response.body === null) throw new Error(`The edge answered ${response.status} for the source`);
  return decompress(Readable.fromWeb(response.body as ReadableStream), { what, sha256 });
}

/**
 * Moves what is in the only directory of `directory` to its place.
 *
 * @returns whether it is the only thing there
 */
export async function unwrap(directory: string): Promise<boolean> {
  const [only, ...others] = await readdir(directory, { withFileTypes: true });
  if (!only?.isDirectory() || others.length > 0) return false;
  const outer = `${directory}.outer`;
  await rename(directory, outer);
  await rename(join(outer, only.name), directory);
  await rm(outer, { recursive: true });
  return true;
}
