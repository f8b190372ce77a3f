/** Secrets at rest, while the key they are sealed with may be replaced: see secret-box.ts for how, and for contexts. */
import type { Env } from '../env.ts';
import { isSealed, open, seal } from './secret-box.ts';

type Keys = Pick<Env, 'SECRET_KEY' | 'PREVIOUS_SECRET_KEY'>;

/** Seals a text with the present key. */
export const sealText = ({ SECRET_KEY }: Keys, context: string, text: string): Promise<string> =>
  seal(SECRET_KEY, context, text);

/**
 * The text of what the present key or the one before has sealed; what is not sealed is its own text.
 * @throws when the key or the context is another
 */
export async function openText(
  { SECRET_KEY, PREVIOUS_SECRET_KEY }: Keys,
  context: string,
  sealed: string,
): Promise<string> {
  if (!isSealed(sealed)) return sealed;
  const text = open(SECRET_KEY, context, sealed);
  return PREVIOUS_SECRET_KEY === undefined ? text : text.catch(() => open(PREVIOUS_SECRET_KEY, context, sealed));
}

/** The same sealed with the present key; undefined when it is. */
export async function resealText(keys: Keys, context: string, sealed: string): Promise<string | undefined> {
  const current = isSealed(sealed) ? await open(keys.SECRET_KEY, context, sealed).catch(() => undefined) : undefined;
  return current === undefined ? sealText(keys, context, await openText(keys, context, sealed)) : undefined;
}
