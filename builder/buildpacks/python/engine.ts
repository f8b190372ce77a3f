import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The engine's files on this host, by the names that the runtime knows them by. */
export function engineFiles(): Map<string, string> {
  const directory = dirname(createRequire(import.meta.url).resolve('pyodide/package.json'));
  return new Map([
    ['python.wasm', join(directory, 'pyodide.asm.wasm')],
    ['stdlib.zip', join(directory, 'python_stdlib.zip')],
  ]);
}
