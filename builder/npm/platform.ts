import { checkPlatform } from 'npm-install-checks';
import { BuildFailure } from '../failure.ts';
import { errorCode } from './errors.ts';
import type { LockEntry } from './lock.ts';

/** What packages see: a Linux whose processor runs WebAssembly. Native binaries for any other processor stay away. */
export const platform = { os: 'linux', cpu: 'wasm32' };

/**
 * Whether a package may be installed.
 *
 * @returns false for an optional one that is made for another machine
 * @throws BuildFailure for any other that is
 */
export function runsHere(name: string, { os, cpu, libc, optional }: LockEntry): boolean {
  if (os === undefined && cpu === undefined && libc === undefined) return true;
  try {
    checkPlatform({ ...(os && { os }), ...(cpu && { cpu }), ...(libc && { libc }) }, false, platform);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EBADPLATFORM') throw error;
    if (optional) return false;
    throw new BuildFailure(
      `${name} is made for ${[...(os ?? []), ...(cpu ?? [])].join(', ')} and has native code, which does not run here.`,
    );
  }
}
