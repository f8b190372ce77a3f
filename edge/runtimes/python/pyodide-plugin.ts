import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

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
      return { contents: `${head}\n${neutral}`, loader: 'js' };
    });
  },
};
