/** Where R2 keeps what builds of an app leave for the next. */
export const cachePrefix = (appId: string): string => `cache/${appId}/`;

/** Deletes the build caches of an app. */
export async function deleteCaches(bucket: R2Bucket, appId: string): Promise<void> {
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix: cachePrefix(appId) });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
    if (!truncated) return;
  }
}
