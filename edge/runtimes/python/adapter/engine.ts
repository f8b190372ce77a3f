/** CPython in WebAssembly, as Pyodide builds it, started without anything of a browser's or of Node's. */
import { loadPyodide, type PyodideAPI } from 'pyodide';
import createPyodideModule from 'pyodide/pyodide.asm.mjs';
import { type EngineModule, loadLibraries } from './libraries.ts';
import { restore, type Snapshot } from './snapshot.ts';

export interface EngineOptions {
  /** The compiled engine. */
  module: WebAssembly.Module;
  /** The standard library, a zip. */
  stdlib: ArrayBuffer;
  env: Record<string, string>;
  /** The memory to start from: each is of an engine that was started from the one before. */
  snapshots?: readonly Snapshot[];
  /** Whether `makeMemorySnapshot` is going to be called. */
  makesSnapshot?: boolean;
  /** Puts the files in place that are to be there before Python runs; libraries that a memory has loaded are among them. */
  writeFiles?(engine: EngineModule): void;
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
  snapshots = [],
  makesSnapshot = false,
  writeFiles,
  onOutput,
}: EngineOptions): Promise<PyodideAPI> {
  const newest = snapshots.at(-1);
  const { fetch } = globalThis;
  const { instantiate, instantiateStreaming } = WebAssembly;
  globalThis.fetch = async (url) => new Response(String(url).endsWith('.zip') ? stdlib : '{}');
  WebAssembly.instantiateStreaming = async (_response, imports) => ({
    module,
    instance: await instantiate(module, imports),
  });
  const create = async (settings: object): Promise<EngineModule> => {
    const engine = (await createPyodideModule(settings)) as EngineModule;
    writeFiles?.(engine);
    if (newest) {
      engine.growMemory(newest.length);
      loadLibraries(engine, newest.about.libraries);
      restore(engine.HEAPU8, snapshots);
    }
    return engine;
  };
  try {
    const python = await loadPyodide({
      indexURL: ASSETS,
      packageBaseUrl: ASSETS,
      stdLibURL: `${ASSETS}stdlib.zip`,
      lockFileContents: lock,
      createPyodideModule: create,
      env,
      _makeSnapshot: makesSnapshot,
      // Pyodide's own part of it; the memory is there already.
      ...(newest && { _loadSnapshot: newest.head }),
    } as unknown as Parameters<typeof loadPyodide>[0]);
    python.setStdout({ batched: onOutput });
    python.setStderr({ batched: onOutput });
    if (newest) wake(python, { ...env, ...newest.about.changes });
    return python;
  } finally {
    globalThis.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}

/** What is another engine's in a memory: its environment, what makes its random numbers, and when it started. */
function wake(python: PyodideAPI, env: Readonly<Record<string, string>>): void {
  python.globals.set('environment', python.toPy(env));
  python.runPython(`
    import logging, os, random, time
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    logging._startTime = time.time_ns()
    del environment, logging, os, random, time
  `);
}
