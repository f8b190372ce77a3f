/**
 * Starts the engine, imports modules, and writes its memory: `node snapshot.mjs <file> <module> …`, in a machine, as an
 * engine only takes the memory of one that ran where it runs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { startEngine } from '../../../edge/runtimes/python/adapter/engine.ts';
import { packSnapshot } from '../../../edge/runtimes/python/adapter/snapshot.ts';

const ENGINE = import.meta.dirname;
const [output = '', ...modules] = process.argv.slice(2);

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const python = await startEngine({
  module: await compile(readFileSync(join(ENGINE, 'python.wasm'))),
  stdlib: new Uint8Array(readFileSync(join(ENGINE, 'stdlib.zip'))).buffer,
  env: {},
  makesSnapshot: true,
  onOutput: (line) => console.log(line),
});
python.runPython(`
def warm(names):
    import gc, importlib
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"There is no module {name}.")
    gc.collect()
warm(${JSON.stringify(modules)})
del warm
`);
writeFileSync(output, packSnapshot(python.makeMemorySnapshot()));
process.exit(0);
