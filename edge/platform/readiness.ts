import type { Env } from '../env.ts';

let begun = false;

/** Said by the host once the database has all its tables. */
export function begin(): void {
  begun = true;
}

/** Whether the control plane may be asked: on Cloudflare always, on one machine when the host has said so. */
export const hasBegun = ({ RUNNERS }: Env): boolean => begun || RUNNERS === '[]';
