/** CPython in WebAssembly, as Pyodide builds it, started without anything of a browser's or of Node's. */
import { loadPyodide, type PyodideAPI } from 'pyodide';
import createPyodideModule from 'pyodide/pyodide.asm.mjs';
import { unpackSnapshot } from './snapshot.ts';

export interface EngineOptions {
  /** The compiled engine. */
  module: WebAssembly.Module;
  /** The standard library, a zip. */
  stdlib: ArrayBuffer;
  env: Record<string, string>;
  /** The memory of an engine that has started before, as snapshot.ts packs it. */
  snapshot?: ArrayBuffer | undefined;
  /** Whether `makeMemorySnapshot` is going to be called. */
  makesSnapshot?: boolean;
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

export async function startEngine({
  module,
  stdlib,
  env,
  snapshot,
  makesSnapshot = false,
  onOutput,
}: EngineOptions): Promise<PyodideAPI> {
  const memory = snapshot && unpackSnapshot(snapshot);
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
      createPyodideModule: memory ? withRoomFor(memory) : createPyodideModule,
      env,
      _makeSnapshot: makesSnapshot,
      ...(memory && { _loadSnapshot: memory }),
    } as Parameters<typeof loadPyodide>[0]);
    python.setStdout({ batched: onOutput });
    python.setStderr({ batched: onOutput });
    if (snapshot) wake(python, env);
    return python;
  } finally {
    globalThis.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}

/** The loader writes a memory into the engine's as that is when it starts, which is smaller than after some imports. */
function withRoomFor({ length }: Uint8Array): typeof createPyodideModule {
  return async (settings) => {
    const engine = (await createPyodideModule(settings)) as { growMemory(bytes: number): void };
    engine.growMemory(length);
    return engine;
  };
}

/** What is another engine's in a memory: its environment, and what makes its random numbers. */
function wake(python: PyodideAPI, env: Readonly<Record<string, string>>): void {
  python.globals.set('environment', python.toPy(env));
  python.runPython(`
    import os, random
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    del environment, os, random
  `);
}
