/** How long an app may take. Milliseconds. */
export interface Timeouts {
  /** From launch to a bound port. */
  bootMs: number;
  /** From a request to the first byte of its response. */
  requestMs: number;
  /** Without a byte of a response that has begun. */
  streamMs: number;
  /** From the last request to the end of a web process that nobody asks for; 0 for never. */
  idleMs: number;
}

/** Heroku's own ("Limits", "Boot timeout"; "Request Timeout"; "Eco Dyno Hours", "Dyno sleeping"). */
export const defaultTimeouts: Timeouts = { bootMs: 60_000, requestMs: 30_000, streamMs: 55_000, idleMs: 30 * 60_000 };
