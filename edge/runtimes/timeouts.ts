/** How long an app may take. Milliseconds. */
export interface Timeouts {
  /** From launch to a bound port. */
  bootMs: number;
  /** From a request to the first byte of its response. */
  requestMs: number;
}

/** Heroku's own ("Limits", "Boot timeout"; "Request Timeout"). */
export const defaultTimeouts: Timeouts = { bootMs: 60_000, requestMs: 30_000 };
