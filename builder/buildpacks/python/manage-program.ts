/**
 * Runs a command of an app's manage.py, in a sandbox, on the engine that serves the app. It is bundled, and started as
 * `node manage.mjs <command> <argument> …` with the app in /app, and the engine beside it.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { startEngine } from '../../../edge/runtimes/python/adapter/engine.ts';
import { install } from '../../../edge/runtimes/python/adapter/library.ts';
import { appRoot } from '../../../schema/app-root.ts';

const TREE = '/app';
const ENGINE = '/python';

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const python = await startEngine({
  module: await compile(readFileSync(join(ENGINE, 'python.wasm'))),
  stdlib: new Uint8Array(readFileSync(join(ENGINE, 'stdlib.zip'))).buffer,
  env: { ...(process.env as Record<string, string>), HOME: appRoot },
  onOutput: (line) => console.log(line),
});
const { FS } = python;
const before = new Map<string, Uint8Array>();
takeIn('');
FS.chdir(appRoot);
install(python);
const { boot } = python.pyimport('islet.boot') as {
  boot: { callPromising(start: string): Promise<number | undefined> };
};
const code = await boot.callPromising(
  JSON.stringify({ kind: 'script', file: 'manage.py', args: process.argv.slice(2) }),
);
if (code === 0) giveBack('');
process.exit(code ?? 0);

function takeIn(directory: string): void {
  FS.mkdirTree(join(appRoot, directory));
  for (const name of readdirSync(join(TREE, directory))) {
    const path = join(directory, name);
    if (statSync(join(TREE, path)).isDirectory()) takeIn(path);
    else {
      const bytes = readFileSync(join(TREE, path));
      before.set(path, bytes);
      FS.writeFile(join(appRoot, path), bytes);
    }
  }
}

/** Writes what the command has made or changed. What Python compiles by the way is not kept. */
function giveBack(directory: string): void {
  for (const name of FS.readdir(join(appRoot, directory)) as string[]) {
    const path = join(directory, name);
    if (name === '.' || name === '..' || name === '__pycache__') continue;
    if (FS.isDir(FS.stat(join(appRoot, path)).mode)) {
      giveBack(path);
      continue;
    }
    const bytes: Uint8Array = FS.readFile(join(appRoot, path));
    const known = before.get(path);
    if (known && Buffer.compare(known, bytes) === 0) continue;
    mkdirSync(dirname(join(TREE, path)), { recursive: true });
    writeFileSync(join(TREE, path), bytes);
  }
}
