/** Where R2 keeps the slug of this SHA-256. */
export const slugKey = (sha256: string): string => `slugs/${sha256}`;

/** Where R2 keeps a module that many slugs have in common, such as a language's engine, by its SHA-256. */
export const engineKey = (sha256: string): string => `engines/${sha256}`;

/** Where R2 keeps the archive that was uploaded for a slug, in Heroku's form. */
export const uploadKey = (id: string): string => `uploads/${id}`;
