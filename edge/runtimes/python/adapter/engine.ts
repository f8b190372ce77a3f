/** CPython in WebAssembly, as Pyodide builds it, started without anything of a browser's or of Node's. */
import { loadPyodide, type PyodideAPI } from 'pyodide';
import createPyodideModule from 'pyodide/pyodide.asm.mjs';

export interface EngineOptions {
  /** The compiled engine. */
  module: WebAssembly.Module;
  /** The standard library, a zip. */
  stdlib: ArrayBuffer;
  env: Record<string, string>;
  /** Takes lines that the app writes, without their newlines. */
  onOutput(line: string): void;
}

/** Where Pyodide believes that its files are; `fetch` below answers for it. */
const ASSETS = 'https://pyodide.invalid/';

/** Of pyodide-lock.json, what the loader checks; packages come with the slug. */
const lock = JSON.stringify({
  info: { arch: 'wasm32', platform: 'emscripten', version: '314.0.7', python: '3.14.2', abi_version: '2026_0' },
  packages: {},
});

export async function startEngine({ module, stdlib, env, onOutput }: EngineOptions): Promise<PyodideAPI> {
  const { fetch } = globalThis;
  const { instantiate, instantiateStreaming } = WebAssembly;
  globalThis.fetch = async (url) => new Response(String(url).endsWith('.zip') ? stdlib : '{}');
  WebAssembly.instantiateStreaming = async (_response, imports) => ({
    module,
    instance: await instantiate(module, imports),
  });
  try {
    const python = await loadPyodide({
      indexURL: ASSETS,
      packageBaseUrl: ASSETS,
      stdLibURL: `${ASSETS}stdlib.zip`,
      lockFileContents: lock,
      createPyodideModule,
      env,
    } as Parameters<typeof loadPyodide>[0]);
    python.setStdout({ batched: onOutput });
    python.setStderr({ batched: onOutput });
    return python;
  } finally {
    globalThis.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}
