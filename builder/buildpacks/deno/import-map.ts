/** Import maps ("Import maps", HTML), with what Deno adds: a package stands for its subpaths, too. */
import type { ImportMap } from './config.ts';

/**
 * What a specifier stands for.
 *
 * @param specifier as the code has it; a relative one as a URL
 * @param importer URL of the module that asks: `file:///src/main.ts`, where the root is the app's
 * @returns undefined where the map does not speak of it
 */
export function mapped(specifier: string, importer: string, { imports, scopes }: ImportMap): string | undefined {
  const own = Object.keys(scopes)
    .filter((scope) => {
      const { href } = new URL(scope, BASE);
      return importer === href || (href.endsWith('/') && importer.startsWith(href));
    })
    .sort((a, b) => b.length - a.length);
  for (const map of [...own.map((scope) => scopes[scope] ?? {}), imports]) {
    const found = lookUp(specifier, map);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of what maps are relative to: the app's root. */
export const BASE = 'file:///';

const RELATIVE = /^\.{0,2}\//;

function lookUp(specifier: string, map: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(map).map(
    ([key, target]) => [RELATIVE.test(key) ? new URL(key, BASE).href : key, target] as const,
  );
  for (const [key, target] of entries) if (key === specifier) return absolute(target);
  const prefixes = entries
    .flatMap(([key, target]) => [[key, target] as const, ...withSubpaths(key, target)])
    .filter(([key]) => key.endsWith('/') && specifier.startsWith(key))
    .sort(([a], [b]) => b.length - a.length);
  const [prefix] = prefixes;
  return prefix && absolute(prefix[1]) + specifier.slice(prefix[0].length);
}

/** `"@std/path": "jsr:@std/path@1"` maps `@std/path/posix` as well. */
function withSubpaths(key: string, target: string): (readonly [string, string])[] {
  return /^(npm|jsr):/.test(target) && !key.endsWith('/') ? [[`${key}/`, `${target}/`]] : [];
}

const absolute = (target: string): string => (RELATIVE.test(target) ? new URL(target, BASE).href : target);
