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

/**
 * For esbuild: makes of Pyodide's modules what runs in workerd, whose `process` and missing `import.meta.url` they
 * would take for signs of Node.
 */
export const pyodideForWorkers: Plugin = {
  name: 'pyodide-for-workers',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]pyodide[\\/]pyodide(\.asm)?\.mjs$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const neutral = text
        .replaceAll('import.meta.url', '"https://pyodide.invalid/"')
        .replaceAll('globalThis.process', 'undefined')
        .replaceAll('globalThis.location', 'location');
      const head = 'const process = undefined, location = new URL("https://pyodide.invalid/");';
      return { contents: `${head}${WEB_ASSEMBLY}${neutral}`, loader: 'js' };
    });
  },
};
