import fs from 'node:fs';

type Callback = (error: Error | null, result?: unknown) => void;

/** What `syscall` of Go's js/wasm port calls, each with a callback. */
const CALLS = [
  ...(['open', 'close', 'read', 'write', 'fsync', 'readdir', 'mkdir', 'rmdir', 'rename', 'unlink'] as const),
  ...(['stat', 'lstat', 'fstat', 'truncate', 'ftruncate', 'utimes', 'chmod', 'fchmod', 'chown', 'fchown'] as const),
  ...(['lchown', 'link', 'symlink', 'readlink'] as const),
];

/** An error whose code Go's port does not know would be the end of the program. */
const KNOWN = /^E[A-Z0-9]+$/;

/**
 * Makes what `wasm_exec.js` takes as `globalThis.fs`: the files of workerd as they are now, whose functions with
 * callbacks refuse some of what Node's take.
 */
export const goFiles = () => ({
  constants: fs.constants,
  writeSync: (fd: number, bytes: Uint8Array) => fs.writeSync(fd, bytes),
  ...Object.fromEntries(
    CALLS.map((name) => {
      const call = fs[`${name}Sync`] as (...parameters: unknown[]) => unknown;
      return [name, (...parameters: unknown[]) => answer(call, parameters)];
    }),
  ),
});

function answer(call: (...parameters: unknown[]) => unknown, parameters: unknown[]): void {
  const callback = parameters.pop() as Callback;
  let error: Error | null = null;
  let result: unknown;
  try {
    // A position that is null is the file's own.
    result = call(...parameters.map((parameter) => parameter ?? undefined));
  } catch (thrown) {
    error = thrown as Error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !KNOWN.test(code)) Object.assign(error, { code: 'EINVAL' });
  }
  // Go is in the middle of the call: what it answers would run on top of that.
  queueMicrotask(() => callback(error, result));
}
