/** An app's programs for the machine of a one-off dyno, as files that can be called. */
import type { TreeEntry } from '../../../sandbox/index.ts';

const LIBRARY = '/usr/local/lib/go';

/** Exports what runs a program, with what the toolchain brings for that. */
const MAIN = `const { readFileSync } = require('node:fs');
globalThis.require = require;
globalThis.fs = require('node:fs');
globalThis.path = require('node:path');
// The program's bridge takes from here what is too long for the engine, and is asked for no connection.
const environment = Object.entries(process.env).map(([name, value]) => name + '=' + value);
globalThis.islet = { environment, buffer: new Uint8Array(0), received: () => true, written() {}, closed() {} };
require('./wasm_exec.js');
module.exports = (program) => {
  const go = new Go();
  go.argv = process.argv.slice(1);
  go.exit = (code) => process.exit(code);
  WebAssembly.instantiate(readFileSync(program), go.importObject)
    .then(({ instance }) => go.run(instance))
    .catch((error) => {
      console.error(error);
      process.exit(2);
    });
};
`;

export async function goPrograms({
  shared,
  code,
}: {
  shared: ReadonlyMap<string, Uint8Array>;
  code: ReadonlyMap<string, Uint8Array>;
}): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [
    file(`${LIBRARY}/main.cjs`, Buffer.from(MAIN), 0o644),
    file(`${LIBRARY}/wasm_exec.js`, shared.get('go.mjs') ?? new Uint8Array(), 0o644),
  ];
  for (const [path, content] of code) {
    const name = /^(.+)\.wasm$/.exec(path)?.[1];
    if (name === undefined) continue;
    const launcher = `#!/usr/bin/env node\nrequire('${LIBRARY}/main.cjs')('${LIBRARY}/${path}');\n`;
    entries.push(file(`${LIBRARY}/${path}`, content, 0o644), file(`/app/bin/${name}`, Buffer.from(launcher), 0o755));
  }
  return entries;
}

const file = (path: string, content: Uint8Array, mode: number): TreeEntry => ({ type: 'file', path, mode, content });
