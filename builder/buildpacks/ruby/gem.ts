/** What is in a .gem file, and what of it an app gets. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';
import { unpack } from '../../archive.ts';
import { BuildFailure } from '../../failure.ts';

/** What is read of a gem's specification, which is YAML with Ruby's own tags. */
const specification = z.object({
  name: z.string(),
  version: z.object({ version: z.string() }),
  require_paths: z.array(z.string()).default(['lib']),
  extensions: z.array(z.string()).default([]),
  bindir: z.string().default('bin'),
  executables: z.array(z.string()).default([]),
});

export interface GemSpecification {
  name: string;
  version: string;
  /** Directories of it that `require` looks in. */
  requirePaths: string[];
  /** What is to be compiled to machine code when it is installed. */
  extensions: string[];
  /** Files that are commands, relative to it. */
  executables: string[];
}

const limits = { entries: 20_000, bytes: 256 * 1024 ** 2 };

/** Most bytes of a specification, unpacked. */
const MAX_SPECIFICATION = 4 * 1024 ** 2;

const decompress = promisify(gunzip);

/**
 * Unpacks a gem's files into a directory, which is made.
 *
 * @param what names it in messages: `The gem rack 3.1.0`
 * @throws BuildFailure when it is no gem, or breaks a rule of `unpack`
 */
export async function unpackGem(
  gem: Uint8Array,
  directory: string,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<GemSpecification> {
  const entries = await unpackTar(gem).catch((cause: unknown) => {
    throw new BuildFailure(`${what} is no gem.`, { cause });
  });
  const files = new Map(entries.map(({ header, data }) => [header.name, data]));
  const [metadata, data] = [files.get('metadata.gz'), files.get('data.tar.gz')];
  if (!metadata || !data) throw new BuildFailure(`${what} is no gem: it has no metadata.gz or no data.tar.gz.`);
  const read = await readSpecification(metadata, what);
  await unpack(Readable.from([data]).pipe(createGunzip()), directory, { what, limits, signal });
  return read;
}

async function readSpecification(metadata: Uint8Array, what: string): Promise<GemSpecification> {
  try {
    const yaml = (await decompress(metadata, { maxOutputLength: MAX_SPECIFICATION })).toString();
    // The tags name classes of Ruby's: `!ruby/object:Gem::Version`.
    const value: unknown = parseYaml(yaml.replace(/ !ruby\/\S+/g, ''), { logLevel: 'silent', maxAliasCount: 100 });
    const { name, version, require_paths, extensions, bindir, executables } = specification.parse(value);
    return {
      name,
      version: version.version,
      requirePaths: require_paths,
      extensions,
      executables: executables.map((executable) => `${bindir}/${executable}`),
    };
  } catch (cause) {
    throw new BuildFailure(`${what} has a specification that cannot be read.`, { cause });
  }
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
