/**
 * Starts the engine, imports modules, and writes its memory: `node snapshot.mjs <file> <module> …`, in a machine, as an
 * engine only takes the memory of one that ran where it runs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { startEngine } from '../../../edge/runtimes/python/adapter/engine.ts';
import { installForSnapshot, libraryVersion } from '../../../edge/runtimes/python/adapter/library.ts';
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
    import importlib
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"There is no module {name}.")
warm(${JSON.stringify(modules)})
del warm
`);
installForSnapshot(python);
// What is there now is left out of collections: they would write to the pages of all of it.
python.runPython('import gc; gc.collect(); gc.freeze(); del gc');
const about = { library: libraryVersion, libraries: [], environment: {}, changes: {} };
writeFileSync(output, packSnapshot(python.makeMemorySnapshot(), about));
process.exit(0);
