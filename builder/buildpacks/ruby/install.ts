/** Installs what a Gemfile.lock pins, as `bundle install --standalone` lays it out. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { BuildFailure } from '../../failure.ts';
import { limited } from '../../limited.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import { sha256Of, unpackGem } from './gem.ts';
import { fullVersion, type LockedGem } from './lockfile.ts';

/** Where gems are in the app, as Bundler's standalone layout has it; the engine is Ruby 4.0. */
export const BUNDLE = 'vendor/bundle';
const GEMS = `${BUNDLE}/ruby/4.0.0/gems`;

/** Most bytes of a .gem file. */
const MAX_GEM = 128 * 1024 ** 2;

/** How many gems are downloaded at once. */
const CONCURRENCY = 8;

/** Gems whose machine code the engine has in it, or that are the platform's own business: the engine's are used. */
const ENGINE = new Set([
  ...[
    'bigdecimal',
    'bundler',
    'cgi',
    'date',
    'digest',
    'erb',
    'etc',
    'io-console',
    'json',
    'openssl',
    'psych',
    'ripper',
    'stringio',
  ],
  ...['strscan', 'zlib', 'monitor', 'objspace', 'socket'],
]);

/** Servers: the platform is the server, and they need not run. With them goes what only they need. */
const SERVERS = new Set([
  'puma',
  'thin',
  'unicorn',
  'passenger',
  'webrick',
  'falcon',
  'rackup',
  'nio4r',
  'eventmachine',
  'bootsnap',
]);

/** Gems that do without the machine code that they bring. */
const OPTIONAL_EXTENSIONS = new Set(['racc', 'hitimes', 'websocket-driver']);

/** Gems that others load and can do without: the runtime has their names, and to use them raises an error. */
const STAND_INS: Readonly<Record<string, ReadonlySet<string>>> = {
  nokogiri: new Set(['loofah', 'rails-dom-testing', 'rails-html-sanitizer', 'actiontext']),
};

/** Whether what needs a gem does with what the runtime has in its place. */
export const hasStandIn = (name: string, neededBy: readonly string[]): boolean =>
  Object.hasOwn(STAND_INS, name) && neededBy.every((dependent) => STAND_INS[name]?.has(dependent));

const ALTERNATIVES: Record<string, string> = {
  bcrypt: 'Use `OpenSSL::KDF.scrypt` of the standard library.',
  nokogiri: 'Use REXML, which is Ruby.',
  pg: 'Reach the database over HTTP.',
  mysql2: 'Reach the database over HTTP.',
  sqlite3: 'Reach a database over HTTP.',
  oj: 'Use `json` of the standard library.',
};

/** Whether a gem is not installed, as the engine or the platform stands for it. */
export const isProvided = (name: string): boolean => ENGINE.has(name) || SERVERS.has(name);

/**
 * Installs gems into an app's tree.
 *
 * @returns them in the order of the lock, with how many had to be downloaded
 * @throws BuildFailure when one is not to be had, is not the pinned one, or has machine code
 */
export async function installGems(
  gems: readonly LockedGem[],
  context: BuildContext,
): Promise<{ installed: PlacedGem[]; fetched: number }> {
  const { tree, signal } = context;
  const installed: PlacedGem[] = [];
  let fetched = 0;
  const waiting = [...gems.entries()];
  await mkdir(join(tree, GEMS), { recursive: true });
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, gem] = next;
        const what = `The gem ${gem.name} ${fullVersion(gem)}`;
        const { bytes, fresh } = await fetchGem(gem, what, context);
        if (fresh) fetched += 1;
        const specification = await unpackGem(bytes, join(tree, directoryOf(gem)), { what, signal });
        refuseNative(gem, specification.extensions);
        const { requirePaths, executables } = specification;
        installed[index] = {
          name: gem.name,
          version: gem.version,
          directory: directoryOf(gem),
          requirePaths,
          executables,
        };
      }
    }),
  );
  return { installed, fetched };
}

/** Where a gem is, relative to the tree. */
const directoryOf = (gem: LockedGem): string => `${GEMS}/${gem.name}-${fullVersion(gem)}`;

/** @throws BuildFailure when a gem has something to compile that it does not do without */
export function refuseNative(
  { name, version }: { name: string; version: string },
  extensions: readonly string[],
): void {
  if (extensions.length === 0 || OPTIONAL_EXTENSIONS.has(name)) return;
  throw new BuildFailure(`The gem ${name} ${version} has native code, which does not run in WebAssembly.`, {
    help: [
      Object.hasOwn(ALTERNATIVES, name)
        ? (ALTERNATIVES[name] ?? '')
        : `Use a gem that is Ruby alone in place of ${name}, or move it to a group for development.`,
    ],
  });
}

/** Gives a .gem file from the cache of all builds, or from its server. */
async function fetchGem(
  gem: LockedGem,
  what: string,
  { cache, web, log, signal }: BuildContext,
): Promise<{ bytes: Uint8Array; fresh: boolean }> {
  const sha256 = gem.sha256 ?? (await publishedHash(gem, what, { web, signal }));
  const placeOf = (hash: string) => join(dirname(cache), 'gems', hash.slice(0, 2), hash.slice(2));
  const known = sha256 && (await readFile(placeOf(sha256)).catch(() => undefined));
  if (known && sha256Of(known) === sha256) return { bytes: known, fresh: false };
  const url = `${serverOf(gem.remote)}gems/${gem.name}-${fullVersion(gem)}.gem`;
  const response = await web.fetch(url, { what, signal });
  if (Number(response.headers['content-length'] ?? 0) > MAX_GEM) {
    response.destroy();
    throw new BuildFailure(`${what} is larger than ${MAX_GEM / 1024 ** 2} MB.`);
  }
  const bytes = await buffer(limited(response, MAX_GEM, what));
  const found = sha256Of(bytes);
  if (sha256 === undefined)
    log.warn(`${what} is taken as it comes: its server publishes no hashes, and Gemfile.lock has none.`);
  else if (found !== sha256) {
    throw new BuildFailure(`${what} is not the one that Gemfile.lock pins: its SHA-256 is ${found}.`, {
      help: ['Someone may have changed it. If you trust the change, run `bundle lock --add-checksums` and commit.'],
    });
  }
  await writeWhole(placeOf(found), bytes);
  return { bytes, fresh: true };
}

/**
 * The hash that the gem's server publishes (RubyGems' compact index): `1.0.0 dep:>= 0|checksum:…,ruby:>= 3`.
 *
 * @returns undefined when the server has no such index
 */
async function publishedHash(
  gem: LockedGem,
  what: string,
  { web, signal }: Pick<BuildContext, 'web' | 'signal'>,
): Promise<string | undefined> {
  const response = await web.fetch(`${serverOf(gem.remote)}info/${gem.name}`, { what, answers: [404], signal });
  if (response.statusCode === 404) {
    response.destroy();
    return undefined;
  }
  const text = (await buffer(limited(response, 32 * 1024 ** 2, what))).toString();
  for (const line of text.split('\n')) {
    const [version, rest = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' '))];
    const [, sha256] = /[|,]checksum:([0-9a-f]{64})/.exec(rest) ?? [];
    if (version === fullVersion(gem) && sha256) return sha256;
  }
  throw new BuildFailure(`${what} is not to be had from ${new URL(gem.remote).host}.`);
}

/**
 * Where gems of a source come from: the source, or the mirror that this host is configured for by Bundler's own
 * variable, `BUNDLE_MIRROR__ALL`.
 */
export function serverOf(remote: string): string {
  return (process.env.BUNDLE_MIRROR__ALL ?? remote).replace(/\/?$/, '/');
}

/** A gem as it stands in the app. */
export interface PlacedGem {
  name: string;
  version: string;
  /** Relative to the tree. */
  directory: string;
  /** Directories of it that `require` looks in. */
  requirePaths: readonly string[];
  /** Files that are commands, relative to it. */
  executables: readonly string[];
}

/**
 * The file that puts gems on the load path, as Bundler's standalone layout has it, and names them for the runtime.
 *
 * @param required what `Bundler.require` requires, with the groups that each is for
 */
export function setupFile(
  gems: readonly PlacedGem[],
  required: readonly { path: string; groups: readonly string[] }[],
): string {
  const paths = gems.flatMap(({ directory, requirePaths }) =>
    requirePaths.map((path) => `$:.unshift File.expand_path(${quote(`${directory}/${path}`)}, root)`),
  );
  const pair = (name: string, value: string) => `${quote(name)} => ${quote(value)}`;
  return [
    "root = File.expand_path('../../..', __dir__)",
    ...paths,
    'module Islet',
    `  GEMS = { ${gems.map(({ name, version }) => pair(name, version)).join(', ')} }.freeze`,
    `  PLACES = { ${gems.map(({ name, directory }) => pair(name, directory)).join(', ')} }.freeze`,
    `  REQUIRED = [${required.map(({ path, groups }) => `[${quote(path)}, [${groups.map(quote).join(', ')}]]`).join(', ')}].freeze`,
    'end',
    '',
  ].join('\n');
}

const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
