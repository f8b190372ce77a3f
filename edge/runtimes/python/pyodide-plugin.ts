import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * What Pyodide's modules take for WebAssembly. V8 ends an asynchronous compilation by a task on the isolate's thread, and
 * workerd runs such a task only when something else enters the isolate: while an app starts, perhaps nothing ever does.
 */
const WEB_ASSEMBLY = `
  const { Module, Instance } = globalThis.WebAssembly;
  const WebAssembly = Object.create(globalThis.WebAssembly, {
    compile: { value: async (bytes) => new Module(bytes) },
    instantiate: {
      value: async (source, imports) => {
        if (source instanceof Module) return new Instance(source, imports);
        const module = new Module(source);
        return { module, instance: new Instance(module, imports) };
      },
    },
  });
`;

/** Places in Emscripten's loader of libraries, and what is to be there: see adapter/libraries.ts. */
const LOADER = [
  [
    'var getMemory=size=>{',
    'var getMemory=size=>{const place=Module["placeLibrary"]?.(size);if(place!==undefined)return place;',
  ],
  [
    '{handle>>>=0;return dlopenInternal(handle,{loadAsync:false})}',
    '{handle>>>=0;const opened=dlopenInternal(handle,{loadAsync:false});Module["libraryOpened"]?.(handle);return opened}',
  ],
  // A place in the table that was free once is not free in another engine.
  ['if(freeTableIndexes.length){', 'if(freeTableIndexes.length&&!Module["libraryOpened"]){'],
] as const;

function hooked(text: string): string {
  let changed = text;
  for (const [place, replacement] of LOADER) {
    if (changed.split(place).length !== 2) throw new Error(`Pyodide's loader of libraries has changed: no ${place}`);
    changed = changed.replace(place, replacement);
  }
  return changed;
}

/**
 * For esbuild: makes of Pyodide's modules what runs in workerd, whose `process` and missing `import.meta.url` they
 * would take for signs of Node.
 */
export const pyodideForWorkers: Plugin = {
  name: 'pyodide-for-workers',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]pyodide[\\/]pyodide(\.asm)?\.mjs$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const neutral = (path.endsWith('.asm.mjs') ? hooked(text) : text)
        .replaceAll('import.meta.url', '"https://pyodide.invalid/"')
        .replaceAll('globalThis.process', 'undefined')
        .replaceAll('globalThis.location', 'location');
      const head = 'const process = undefined, location = new URL("https://pyodide.invalid/");';
      return { contents: `${head}${WEB_ASSEMBLY}${neutral}`, loader: 'js' };
    });
  },
};
