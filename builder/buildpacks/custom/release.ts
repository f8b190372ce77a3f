import { parse } from 'yaml';
import { z } from 'zod';
import { BuildFailure } from '../../failure.ts';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** What `bin/release` prints ("Buildpack API", bin/release). Add-ons, which it may also name, are none of ours. */
const release = z
  .object({
    default_process_types: z.record(z.string().regex(/^[-\w]{1,128}$/), z.string().min(1)).nullish(),
    config_vars: z.record(z.string().regex(/^[A-Za-z_]\w*$/), text).nullish(),
  })
  .nullish();

/**
 * Reads the YAML of a `bin/release`; nothing is as good as an empty one.
 *
 * @param name the buildpack's, for messages
 * @throws BuildFailure when it is no YAML, or of another form
 */
export function readRelease(
  yaml: string,
  name: string,
): { processTypes: Record<string, string>; env: Record<string, string> } {
  let value: unknown;
  try {
    value = parse(yaml);
  } catch (error) {
    throw new BuildFailure(
      `bin/release of the buildpack ${name} printed no YAML: ${error instanceof Error ? error.message : error}`,
    );
  }
  const result = release.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue?.path.join('.') || 'its root';
    throw new BuildFailure(`bin/release of the buildpack ${name} is wrong at ${where}: ${issue?.message}.`);
  }
  return { processTypes: result.data?.default_process_types ?? {}, env: result.data?.config_vars ?? {} };
}
