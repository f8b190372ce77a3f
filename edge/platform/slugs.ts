/** Where R2 keeps the slug of this SHA-256. */
export const slugKey = (sha256: string): string => `slugs/${sha256}`;
