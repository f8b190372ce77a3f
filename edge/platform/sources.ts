const PREFIX = 'sources/';

/** Where R2 keeps an archive that was uploaded for a build. */
export const sourceKey = (id: string): string => PREFIX + id;

/** Deletes the sources that were uploaded before `time`, except those in `needed`, by their ids. */
export async function deleteSources(bucket: R2Bucket, before: Date, needed: ReadonlySet<string>): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await bucket.list({ prefix: PREFIX, cursor });
    const old = page.objects.filter(({ key, uploaded }) => uploaded < before && !needed.has(key.slice(PREFIX.length)));
    if (old.length > 0) await bucket.delete(old.map(({ key }) => key));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}
