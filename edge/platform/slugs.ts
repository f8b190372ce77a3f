/** Where R2 keeps the slug of this SHA-256. */
export const slugKey = (sha256: string): string => `slugs/${sha256}`;

/** Where R2 keeps a module that many slugs have in common, such as a language's engine, by its SHA-256. */
export const engineKey = (sha256: string): string => `engines/${sha256}`;

/** Where R2 keeps the archives that were uploaded for slugs of an app, in Heroku's form. */
export const uploadPrefix = (appId: string): string => `uploads/${appId}/`;
