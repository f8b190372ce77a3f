import type { GeneratedCode } from './instance-protocol.ts';

/** Keeps, for each app, the functions that it makes of text. What is lost is learned again. */
export interface GeneratedStore {
  /** @param app its id */
  read(app: string): Promise<GeneratedCode[]>;
  /** Adds to what is kept; the oldest goes when there is too much. */
  add(app: string, codes: readonly GeneratedCode[]): Promise<void>;
}

/** Functions and characters of one app at most. */
const MAX_CODES = 1_000;
const MAX_LENGTH = 4 * 1024 * 1024;

/** @param keyOf where an app's are kept in the bucket */
export function generatedStore(bucket: R2Bucket, keyOf: (app: string) => string): GeneratedStore {
  const read = async (app: string): Promise<GeneratedCode[]> => {
    const object = await bucket.get(keyOf(app));
    return object ? object.json() : [];
  };
  return {
    read,
    async add(app, codes) {
      const known = await read(app);
      await bucket.put(keyOf(app), JSON.stringify(newest([...known, ...codes])));
    },
  };
}

/** Each once, as many of the last as there is room for. */
function newest(codes: readonly GeneratedCode[]): GeneratedCode[] {
  const kept = new Map<string, GeneratedCode>();
  let length = 0;
  for (const code of codes.toReversed()) {
    const key = JSON.stringify(code);
    if (kept.has(key)) continue;
    length += key.length;
    if (kept.size === MAX_CODES || length > MAX_LENGTH) break;
    kept.set(key, code);
  }
  return [...kept.values()].toReversed();
}
