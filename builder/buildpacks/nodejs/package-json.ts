import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BuildFailure } from '../../failure.ts';

const strings = z.record(z.string(), z.string());

const names = z.array(z.string()).optional().catch(undefined);

/** What the buildpack reads of an app's package.json ("package.json", npm documentation). */
const packageJson = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  main: z.string().optional(),
  type: z.enum(['module', 'commonjs']).optional().catch(undefined),
  scripts: strings.optional(),
  engines: strings.optional().catch(undefined),
  dependencies: strings.optional(),
  devDependencies: strings.optional(),
  optionalDependencies: strings.optional(),
  peerDependencies: strings.optional(),
  overrides: z.unknown().optional(),
  resolutions: z.unknown().optional(),
  workspaces: z.unknown().optional(),
  packageManager: z.string().optional().catch(undefined),
  cacheDirectories: names,
  cache_directories: names,
  /** Which packages may run their install scripts: npm's, Bun's and pnpm's names of it. */
  allowScripts: z.record(z.string(), z.unknown()).optional().catch(undefined),
  trustedDependencies: names,
  pnpm: z.object({ onlyBuiltDependencies: names, neverBuiltDependencies: names }).optional().catch(undefined),
});

export type PackageJson = z.infer<typeof packageJson>;

/**
 * Reads the app's package.json.
 *
 * @returns undefined when there is none
 * @throws BuildFailure with line and column when it is not JSON, or with the field that is wrong
 */
export async function readPackageJson(tree: string): Promise<PackageJson | undefined> {
  const text = await readFile(join(tree, 'package.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new BuildFailure('package.json is not valid JSON.', {
      details: ['Unable to parse package.json', '', error instanceof Error ? error.message : String(error)],
    });
  }
  const parsed = packageJson.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BuildFailure(
    `package.json is wrong at ${issue?.path.join('.') || 'its root'}: ${issue?.message ?? 'not an object'}.`,
  );
}
