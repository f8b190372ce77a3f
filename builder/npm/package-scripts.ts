/** What an installation takes from the package.json that a package brings: its commands, and the scripts to run. */
import normalizeBin from 'npm-normalize-package-bin';
import { z } from 'zod';

/** The scripts that run when a package is installed, in their order ("scripts", npm documentation). */
export const installEvents = ['preinstall', 'install', 'postinstall'] as const;

export const packageFacts = z.object({
  /** From a command's name to its file in the package. */
  bin: z.record(z.string(), z.string()),
  scripts: z.partialRecord(z.enum(installEvents), z.string()),
});

export type PackageFacts = z.infer<typeof packageFacts>;

const manifest = z.object({ scripts: z.record(z.string(), z.unknown()).catch({}).default({}) });

/**
 * @param text the package's package.json; one that cannot be read says nothing
 * @param hasBindings whether the package has a `binding.gyp`, for which npm runs node-gyp unless told otherwise
 */
export function readPackageFacts(text: string, hasBindings: boolean): PackageFacts {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return { bin: {}, scripts: {} };
  }
  const all = manifest.safeParse(json).data?.scripts ?? {};
  const scripts: PackageFacts['scripts'] = {};
  for (const event of installEvents) {
    const script = all[event];
    if (typeof script === 'string' && script.trim() !== '') scripts[event] = script;
  }
  if (hasBindings && scripts.install === undefined && scripts.preinstall === undefined) {
    scripts.install = 'node-gyp rebuild';
  }
  return { bin: normalizeBin({ ...Object(json) }).bin ?? {}, scripts };
}
