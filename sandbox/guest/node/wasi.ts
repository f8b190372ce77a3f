/** `node:wasi` of a task: WASI preview 1 over the machine's tree, for programs and native addons compiled to WebAssembly. */
import { WASI as WasiPreview1 } from '@tybys/wasm-util';

type Options = ConstructorParameters<typeof WasiPreview1>[0];

/**
 * Threads of a pool that Rust programs make, most of which stay in reserve for a main thread that waits (see
 * ../wasm/threads.ts); by default there would be as many as processors.
 */
const rayonThreads = '64';

/** @param fs the task's own */
export function createWasi(fs: Record<string, unknown>): { WASI: typeof WasiPreview1 } {
  class WASI extends WasiPreview1 {
    constructor({ env = {}, returnOnExit = true, ...options }: NonNullable<Options> = {}) {
      super({ ...options, env: { RAYON_NUM_THREADS: rayonThreads, ...env }, returnOnExit, fs: fs as never });
    }
  }
  return { WASI };
}
