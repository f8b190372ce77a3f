import { sha256 } from '../platform/bytes.ts';
import { FailureLimit } from '../platform/failure-limit.ts';

const WINDOW_MS = 60_000;

/** Failed logins from one address, in a window. A person who mistypes has room; who tries keys has not. */
const byAddress = new FailureLimit({ max: 30, windowMs: WINDOW_MS, maxKeys: 10_000 });

/** Failed logins with tokens that begin alike, wherever they come from: guesses at the rest of one token. */
const byPrefix = new FailureLimit({ max: 30, windowMs: WINDOW_MS, maxKeys: 10_000 });

/** Beyond the `ISLET-` of every token, so many characters that no two tokens share them by chance. */
const PREFIX_LENGTH = 16;

interface Login {
  address: string;
  token: string;
}

const prefixOf = (token: string): Promise<string> => sha256(token.slice(0, PREFIX_LENGTH));

/** How many milliseconds nobody may log in so; 0 when they may try. */
export async function loginWaitMs({ address, token }: Login): Promise<number> {
  return Math.max(byAddress.waitMs(address), byPrefix.waitMs(await prefixOf(token)));
}

export async function countFailedLogin({ address, token }: Login): Promise<void> {
  byAddress.count(address);
  byPrefix.count(await prefixOf(token));
}
