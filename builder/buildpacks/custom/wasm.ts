import { closeSync, openSync, readSync } from 'node:fs';

/** Whether a file begins as a WebAssembly module does ("WebAssembly Core Specification", 5.5.16). */
export function isWasm(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(4);
    return readSync(file, head) === 4 && head.toString('latin1') === '\0asm';
  } finally {
    closeSync(file);
  }
}
