import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { PackageJson } from './package-json.ts';

const names = z.array(z.string()).optional().catch(undefined);
const decisions = z.record(z.string(), z.unknown()).optional().catch(undefined);
const pnpmWorkspace = z.object({
  onlyBuiltDependencies: names,
  neverBuiltDependencies: names,
  allowBuilds: decisions,
});

/**
 * Says which packages may run their install scripts, where an app decides that in its package manager's way: npm's
 * `allowScripts`, pnpm's `onlyBuiltDependencies` and `allowBuilds`, Bun's `trustedDependencies`. Without a word of it all
 * may: they run where they can do no harm.
 */
export function scriptPolicy(tree: string, packageJson: PackageJson): (name: string) => boolean {
  const { allowScripts, trustedDependencies, pnpm } = packageJson;
  const file = join(tree, 'pnpm-workspace.yaml');
  const workspace = existsSync(file) ? pnpmWorkspace.safeParse(parse(readFileSync(file, 'utf8'))).data : undefined;
  const allowed = trustedDependencies ?? pnpm?.onlyBuiltDependencies ?? workspace?.onlyBuiltDependencies;
  const refused = new Set([
    ...(pnpm?.neverBuiltDependencies ?? []),
    ...(workspace?.neverBuiltDependencies ?? []),
    ...denied(allowScripts),
    ...denied(workspace?.allowBuilds),
  ]);
  return (name) => !refused.has(name) && (allowed === undefined || allowed.includes(name));
}

/** The names that are mapped to false, without their versions. */
function denied(decided: Record<string, unknown> = {}): string[] {
  return Object.entries(decided).flatMap(([name, may]) => (may === false ? [name.replace(/(?<=.)@.*$/, '')] : []));
}
