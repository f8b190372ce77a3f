import type { MiddlewareHandler } from 'hono';
import { ApiError } from '../platform/errors.ts';
import { type ApiContext, isOperator } from './auth.ts';

/** Requests a user may have in hand, and how many come back a minute ("Platform API Reference", "Rate limits"). */
const CAPACITY = 4500;
const PER_MINUTE = 75;

/** How many users are remembered; who was quiet for the longest starts anew. */
const MAX_USERS = 10_000;

interface Bucket {
  tokens: number;
  /** Milliseconds since 1970. */
  at: number;
}

/** Counts a user's requests: the remaining ones stand in `RateLimit-Remaining`. The operator's are not counted. */
export function rateLimit(now: () => number = Date.now): MiddlewareHandler<ApiContext> {
  const buckets = new Map<string, Bucket>();
  return async (c, next) => {
    const user = c.get('user');
    const remaining = isOperator(user) ? CAPACITY : take(user.id);
    c.header('RateLimit-Remaining', String(Math.max(0, remaining)));
    if (remaining < 0) {
      c.header('Retry-After', String(Math.ceil(60 / PER_MINUTE)));
      throw new ApiError(429, 'rate_limit', 'Your account reached the API rate limit. Please wait a few minutes.');
    }
    await next();
  };

  /** @returns how many are left; negative when there was none to take */
  function take(user: string): number {
    const at = now();
    const known = buckets.get(user);
    const back = known ? ((at - known.at) / 60_000) * PER_MINUTE : 0;
    const tokens = Math.min(CAPACITY, (known?.tokens ?? CAPACITY) + back) - 1;
    // Least recently used first.
    buckets.delete(user);
    buckets.set(user, { tokens: Math.max(tokens, 0), at });
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_USERS && oldest !== undefined) buckets.delete(oldest);
    return Math.floor(tokens);
  }
}
