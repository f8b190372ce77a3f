/** Runs a WASI program (preview 1) over a tree of files. */
import { ConsoleStdout, File, OpenFile, PreopenDirectory, WASI, WASIProcExit } from '@bjorn3/browser_wasi_shim';
import type { Root } from './mount.ts';

export interface ProgramOptions {
  /** The program's name, and its arguments. */
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  root: Root;
  onStdout: (chunk: Uint8Array) => void;
  onStderr: (chunk: Uint8Array) => void;
  /**
   * Is told each path that the program opens or looks at, relative to the root, before it does. The program waits for a
   * promise, by which what it looks for may come to be.
   */
  before?: ((path: string) => Promise<void> | undefined) | undefined;
}

const decoder = new TextDecoder();

/** @returns the program's exit status */
export async function runProgram(
  module: WebAssembly.Module,
  { argv, env, root, onStdout, onStderr, before }: ProgramOptions,
): Promise<number> {
  const wasi = new WASI(
    [...argv],
    Object.entries(env).map(([name, value]) => `${name}=${value}`),
    [
      new OpenFile(new File([])),
      new ConsoleStdout(onStdout),
      new ConsoleStdout(onStderr),
      new PreopenDirectory('/', root.contents),
    ],
    { debug: false },
  );
  const preopened = wasi.fds[3] as PreopenDirectory;
  preopened.dir = root;
  const imports: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(wasi.wasiImport)) imports[name] = unsigned(call);
  if (before) {
    for (const name of ['path_open', 'path_filestat_get']) imports[name] = told(wasi, name, before);
  }
  const { exports } = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: imports as never });
  wasi.inst = { exports: exports as { memory: WebAssembly.Memory } };
  const start = exports._start as () => void;
  try {
    await (before ? WebAssembly.promising(start) : start)();
    return 0;
  } catch (error) {
    if (error instanceof WASIProcExit) return error.code;
    throw error;
  }
}

/** Addresses above 2 GiB come as negative numbers. */
const unsigned =
  (call: (...parameters: never[]) => unknown) =>
  (...parameters: unknown[]): unknown =>
    call(...(parameters.map((value) => (typeof value === 'number' ? value >>> 0 : value)) as never[]));

/** Both functions have the path's place and length as their third and fourth argument. */
function told(wasi: WASI, name: string, before: (path: string) => Promise<void> | undefined): WebAssembly.Suspending {
  const original = wasi.wasiImport[name];
  return new WebAssembly.Suspending((...parameters: number[]) => {
    const [, , place = 0, length = 0] = parameters;
    const path = decoder.decode(new Uint8Array(wasi.inst.exports.memory.buffer, place, length).slice());
    const wait = before(path);
    return wait ? wait.then(() => original?.(...parameters)) : original?.(...parameters);
  });
}
