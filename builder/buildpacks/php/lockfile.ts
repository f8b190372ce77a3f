/** composer.json and composer.lock, as far as an installation needs them ("The composer.json schema", Composer docs). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { BuildFailure } from '../../failure.ts';

/** Composer writes an empty object as an empty list. */
const object = <Value extends z.ZodType>(value: Value) =>
  z.preprocess((given) => (Array.isArray(given) && given.length === 0 ? {} : given), z.record(z.string(), value));
const requirements = object(z.string()).optional();
const paths = z.union([z.string(), z.array(z.string())]);

const autoload = z.object({
  'psr-4': object(paths).optional(),
  'psr-0': object(paths).optional(),
  classmap: z.array(z.string()).optional(),
  files: z.array(z.string()).optional(),
  'exclude-from-classmap': z.array(z.string()).optional(),
});
export type Autoload = z.infer<typeof autoload>;

const manifest = z.object({
  name: z.string().optional(),
  require: requirements,
  autoload: autoload.optional(),
  config: z.object({ 'vendor-dir': z.string().optional() }).optional(),
  scripts: object(z.unknown()).optional(),
  // A list, or named ones; `false` turns one off.
  repositories: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional(),
});
export type Manifest = z.infer<typeof manifest>;

const lockedPackage = z.looseObject({
  // It becomes a path: `vendor/<name>`.
  name: z.string().regex(/^[a-z0-9]([_.-]?[a-z0-9]+)*\/[a-z0-9](([_.]|-{1,2})?[a-z0-9]+)*$/i),
  version: z.string(),
  type: z.string().default('library'),
  dist: z
    .object({ type: z.string(), url: z.string(), reference: z.string().nullish(), shasum: z.string().nullish() })
    .nullish(),
  source: z.object({ type: z.string(), url: z.string(), reference: z.string() }).nullish(),
  require: requirements,
  provide: requirements,
  replace: requirements,
  autoload: autoload.optional(),
  bin: paths.optional(),
});
export type LockedPackage = z.infer<typeof lockedPackage>;

const lockfile = z.object({ packages: z.array(lockedPackage), platform: requirements });
export type Lockfile = z.infer<typeof lockfile>;

/** @throws BuildFailure when it is not there to read, or not what Composer writes */
export const readManifest = (tree: string): Promise<Manifest> => read(tree, 'composer.json', manifest);

/** @throws BuildFailure when it is not there to read, or not what Composer writes */
export const readLockfile = (tree: string): Promise<Lockfile> => read(tree, 'composer.lock', lockfile);

async function read<Value>(tree: string, name: string, schema: z.ZodType<Value>): Promise<Value> {
  const text = await readFile(join(tree, name), 'utf8');
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const details = error instanceof z.ZodError ? z.prettifyError(error).split('\n') : [(error as Error).message];
    throw new BuildFailure(`${name} cannot be read.`, { details, cause: error });
  }
}
