/** Runs a program of Go's js/wasm port with what `wasm_exec.js` looks for: files, a process, arguments. */
import path from 'node:path';
import process from 'node:process';
import { appRoot } from '../../../../schema/app-root.ts';
import { exit, uncaught } from '../../node/adapter/errors.ts';
import { goFiles } from './files.ts';
import type { Start } from './start.ts';

/** Of `wasm_exec.js`. */
interface Go {
  argv: string[];
  exit(code: number): void;
  importObject: Record<string, never>;
  run(instance: object): Promise<void>;
}
declare const Go: new () => Go;

/**
 * Starts a program; it has run as far as it could without waiting when this resolves.
 *
 * @throws Error when it traps
 */
export async function startProgram({ program, argv }: Start): Promise<void> {
  process.chdir(appRoot);
  process.umask(0o022);
  Object.assign(globalThis, { fs: goFiles(), path });
  const engine = './shared/go.mjs';
  await import(engine);
  const go = new Go();
  go.argv = argv;
  go.exit = exit;
  const instance = await WebAssembly.instantiate(program, go.importObject);
  // Resolves when the program has ended, which `exit` tells.
  void go.run(instance).catch(uncaught);
}
