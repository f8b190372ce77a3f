/**
 * Libraries that Python has loaded (extension modules, as pydantic's core) in an engine that starts from a memory: their
 * data is in the memory, and their code has to be where it was in the engine that the memory is of.
 */
import type { PyodideAPI } from 'pyodide';
import type { Library } from './snapshot.ts';

interface LoadedLibrary {
  name: string;
}

/** Of Emscripten's module what is used here; pyodide-plugin.ts adds the last two, which are called where they are set. */
export interface EngineModule {
  HEAPU8: Uint8Array;
  FS: PyodideAPI['FS'];
  wasmTable: { length: number; grow(count: number): number };
  LDSO: {
    loadedLibsByName: Record<string, LoadedLibrary>;
    loadedLibsByHandle: Record<string, LoadedLibrary>;
  };
  growMemory(bytes: number): void;
  loadDynamicLibrary(path: string, flags: object, scope: object | null, handle: number): unknown;
  /** Gives the place of a library's data; undefined for any that is free. */
  placeLibrary?: ((size: number) => number | undefined) | undefined;
  /** Called when `dlopen` has loaded one. */
  libraryOpened?: ((handle: number) => void) | undefined;
}

/** Offsets of musl's `struct dso`, as Emscripten's loader reads it, and its flags. */
const FLAGS = 4;
const MEMORY_BASE = 12;
const TABLE_BASE = 20;
const RTLD_GLOBAL = 256;
const RTLD_NODELETE = 4096;

/** Writes down which libraries an engine loads from now on. */
export function recordLibraries(engine: EngineModule, loaded: readonly Library[]): { libraries(): Library[] } {
  const found = [...loaded];
  engine.libraryOpened = (handle) => {
    const library = engine.LDSO.loadedLibsByHandle[handle];
    if (!library || found.some((known) => known.handle === handle)) return;
    const view = new DataView(engine.HEAPU8.buffer, handle);
    const flags = view.getInt32(FLAGS, true);
    found.push({
      path: library.name,
      handle,
      global: (flags & RTLD_GLOBAL) !== 0,
      keeps: (flags & RTLD_NODELETE) !== 0,
      memoryBase: view.getUint32(MEMORY_BASE, true),
      tableBase: view.getUint32(TABLE_BASE, true),
      tableEnd: engine.wasmTable.length,
    });
  };
  return {
    /** @throws Error when one has loaded others, whose places nobody has written down */
    libraries() {
      const names = Object.keys(engine.LDSO.loadedLibsByName).filter((name) => name !== '__main__');
      const unknown = names.find((name) => !found.some(({ path }) => path === name));
      if (unknown) throw new Error(`${unknown} was loaded by another library`);
      return found;
    },
  };
}

/**
 * Loads libraries to where they were. It writes into the memory, which is to be restored afterwards.
 *
 * @throws Error when one does not end up where it was
 */
export function loadLibraries(engine: EngineModule, libraries: readonly Library[]): void {
  for (const { path, handle, global, keeps, memoryBase, tableBase, tableEnd } of libraries) {
    const { wasmTable } = engine;
    // Between libraries, functions of theirs that were asked for by name have places of their own.
    if (wasmTable.length < tableBase) wasmTable.grow(tableBase - wasmTable.length);
    engine.placeLibrary = () => memoryBase;
    engine.loadDynamicLibrary(path, { global, nodelete: keeps, loadAsync: false }, global ? null : {}, handle);
    engine.placeLibrary = undefined;
    if (wasmTable.length !== tableEnd) throw new Error(`${path} is not where it was: ${wasmTable.length}, ${tableEnd}`);
  }
}
