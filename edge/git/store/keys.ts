/** R2 keys of a repository. */
export const repositoryPrefix = (appId: string): string => `git/${appId}/`;
export const packKey = (appId: string, pack: string): string => `git/${appId}/${pack}.pack`;
export const indexKey = (appId: string, pack: string): string => `git/${appId}/${pack}.idx`;
