/** What is used of WebAssembly and is not among Node's types: compilation, and promise integration. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }

  function compile(bytes: Uint8Array): Promise<Module>;

  /** Makes a call of an export resolve when the program has ended, through every import that it waited for. */
  function promising(callback: () => void): () => Promise<void>;

  /** An import that the program waits for. */
  class Suspending {
    constructor(callback: (...parameters: number[]) => unknown);
  }
}
