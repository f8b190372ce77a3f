/** Specifiers of packages: `npm:hono@^4/jsx`, `jsr:@std/path@1`. */
export interface PackageSpecifier {
  /** The name that npm has it by: those of JSR are `@jsr/std__path` ("npm compatibility", JSR). */
  name: string;
  /** `*` where it names none. */
  range: string;
  /** `/jsx`; empty for the package itself. */
  subpath: string;
  /** As a lockfile of Deno has it: `npm:hono@4`. */
  locked: string;
}

/** @returns undefined for what is no specifier of a package */
export function packageSpecifier(text: string): PackageSpecifier | undefined {
  const match = /^(npm|jsr):\/?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]*))?(\/.*)?$/.exec(text);
  const [, kind, name, range, subpath = ''] = match ?? [];
  if (kind === undefined || name === undefined) return undefined;
  const wanted = range === undefined || range === '' ? '*' : range;
  const jsr = /^@([^/]+)\/(.+)$/.exec(name);
  if (kind === 'jsr' && !jsr) return undefined;
  return {
    name: kind === 'jsr' ? `@jsr/${jsr?.[1]}__${jsr?.[2]}` : name,
    range: wanted,
    subpath: subpath === '/' ? '' : subpath,
    locked: `${kind}:${name}@${wanted}`,
  };
}

/** What Deno calls a dependency of package.json: `@jsr/std__path` is `jsr:@std/path`. */
export function lockedName(name: string, range: string): string {
  const alias = /^npm:((?:@[^/@]+\/)?[^/@]+)(?:@(.*))?$/.exec(range);
  if (alias?.[1] !== undefined) return lockedName(alias[1], alias[2] ?? '*');
  const jsr = /^@jsr\/([^/]+?)__(.+)$/.exec(name);
  return jsr ? `jsr:@${jsr[1]}/${jsr[2]}@${range}` : `npm:${name}@${range}`;
}
