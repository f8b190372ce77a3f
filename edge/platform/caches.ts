/** Where R2 keeps what builds of an app leave for the next. */
export const cachePrefix = (appId: string): string => `cache/${appId}/`;
