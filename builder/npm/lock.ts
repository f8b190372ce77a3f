/**
 * npm's lockfile, version 2 and 3: a map from a place in the tree (`node_modules/a/node_modules/b`) to what stands
 * there ("package-lock.json", npm documentation).
 */
import { z } from 'zod';

const strings = z.record(z.string(), z.string());
/** npm copies these from a package as they are, and a few give one name without a list around it. */
const names = z.union([z.array(z.string()), z.string().transform((name) => [name])]);

/** An entry of `packages`. What the builder does not use is left out. */
export const lockEntry = z.object({
  /** The package's own name, where it differs from the place's: an alias. */
  name: z.string().optional(),
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().optional(),
  dev: z.boolean().optional(),
  optional: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  peer: z.boolean().optional(),
  inBundle: z.boolean().optional(),
  inert: z.boolean().optional(),
  /** Nothing asks for it; npm leaves it out. */
  extraneous: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
  os: names.optional(),
  cpu: names.optional(),
  libc: names.optional(),
  dependencies: strings.optional(),
  devDependencies: strings.optional(),
  optionalDependencies: strings.optional(),
  peerDependencies: strings.optional(),
});

export const lock = z.object({
  lockfileVersion: z.union([z.literal(2), z.literal(3)]),
  packages: z.record(z.string(), lockEntry),
});

export type Lock = z.infer<typeof lock>;
export type LockEntry = z.infer<typeof lockEntry>;

/** The name of the package at a place: `node_modules/a/node_modules/@b/c` is `@b/c`, unless the entry is an alias. */
export function packageName(place: string, entry: LockEntry): string {
  return entry.name ?? placeName(place);
}

/** The name that code requires the package at a place by. */
export function placeName(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Where packages stand that only development needs. */
export function developmentPlaces({ packages }: Lock): string[] {
  return Object.entries(packages).flatMap(([place, { dev, link }]) => (dev && !link && place !== '' ? [place] : []));
}
