import ssri from 'ssri';

/** Algorithms under which two packages with one hash are the same package. */
const strong = ['sha512', 'sha384', 'sha256'] as const;

/**
 * The strongest hash of a subresource integrity string, if it is strong enough to name a package by.
 *
 * @returns algorithm and lower-case hex; undefined for what is weak (SHA-1, as in old locks) or no integrity at all
 */
export function strongHash(integrity: string | undefined): { algorithm: string; hex: string } | undefined {
  if (integrity === undefined) return undefined;
  const parsed = ssri.parse(integrity);
  for (const algorithm of strong) {
    const hex = parsed?.[algorithm]?.[0]?.hexDigest();
    if (hex !== undefined && hex !== '') return { algorithm, hex };
  }
  return undefined;
}

/** Whether the data has the hash: the strongest one that `integrity` gives. */
export function matches(data: Uint8Array, integrity: string): boolean {
  return ssri.checkData(data, integrity) !== false;
}
