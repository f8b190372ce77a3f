/** Starts the engine, loads libraries, and writes its memory: `node snapshot.mjs <file> <library> …`, in a machine. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { takeSnapshot } from '../../../edge/runtimes/ruby/adapter/engine.ts';

const [output = '', ...libraries] = process.argv.slice(2);

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const module = await compile(readFileSync(join(import.meta.dirname, 'ruby.wasm')));
writeFileSync(output, await takeSnapshot(module, libraries));
process.exit(0);
