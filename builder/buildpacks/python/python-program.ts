/**
 * `python` in a machine: runs a script, a module or a line of code on the engine that serves the app. It is bundled, and
 * started as `node python.mjs <argument> …` with the app in /app, and the engine beside it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { startEngine } from '../../../edge/runtimes/python/adapter/engine.ts';
import { install } from '../../../edge/runtimes/python/adapter/library.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { type PythonStart, parsePython } from './python-arguments.ts';

const TREE = '/app';
const ENGINE = import.meta.dirname;
const SNAPSHOT = join(ENGINE, 'snapshot.bin');

const start = await startOf(process.argv.slice(2));

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const python = await startEngine({
  module: await compile(readFileSync(join(ENGINE, 'python.wasm'))),
  stdlib: new Uint8Array(readFileSync(join(ENGINE, 'stdlib.zip'))).buffer,
  env: { ...(process.env as Record<string, string>), HOME: appRoot },
  snapshot: existsSync(SNAPSHOT) ? new Uint8Array(readFileSync(SNAPSHOT)).buffer : undefined,
  onOutput: (line) => console.log(line),
});
const { FS } = python;
const before = new Map<string, Uint8Array>();
takeIn('');
FS.chdir(moved(process.cwd()));
install(python);
const { boot } = python.pyimport('islet.boot') as {
  boot: { callPromising(start: string): Promise<number | undefined> };
};
const code = await boot.callPromising(
  JSON.stringify(start.kind === 'script' ? { ...start, file: moved(resolve(start.file)) } : start),
);
giveBack('');
for (const path of before.keys()) if (!path.includes('__pycache__/')) unlinkSync(join(TREE, path));
if (code === undefined) console.error('This command serves requests, which the process type web does; here it ends.');
process.exit(code ?? 1);

async function startOf(words: readonly string[]): Promise<PythonStart> {
  const parsed = parsePython(words);
  if ('start' in parsed) return parsed.start;
  if ('input' in parsed && !process.stdin.isTTY) return { kind: 'code', code: await text(process.stdin), args: [] };
  const why = 'refused' in parsed ? parsed.refused : 'there is no interactive session here; give it a file, -c or -m';
  console.error(`python: ${why}`);
  process.exit(2);
}

/** A path of the machine, as the engine has it. */
function moved(path: string): string {
  const place = relative(TREE, path);
  return place.startsWith('..') ? path : join(appRoot, place);
}

function takeIn(directory: string): void {
  FS.mkdirTree(join(appRoot, directory));
  for (const name of readdirSync(join(TREE, directory))) {
    const path = join(directory, name);
    const stat = statSync(join(TREE, path), { throwIfNoEntry: false });
    if (stat?.isDirectory()) takeIn(path);
    else if (stat) {
      // Not a Buffer, of which the engine would take a slice, and write into what `before` has.
      const bytes = new Uint8Array(readFileSync(join(TREE, path)));
      before.set(path, bytes);
      FS.writeFile(join(appRoot, path), bytes);
    }
  }
}

/** Writes what the command has made or changed, and leaves in `before` what it deleted. What Python compiles is not kept. */
function giveBack(directory: string): void {
  for (const name of FS.readdir(join(appRoot, directory)) as string[]) {
    const path = join(directory, name);
    if (name === '.' || name === '..') continue;
    if (FS.isDir(FS.stat(join(appRoot, path)).mode)) {
      if (name !== '__pycache__') giveBack(path);
      continue;
    }
    const bytes: Uint8Array = FS.readFile(join(appRoot, path));
    const known = before.get(path);
    before.delete(path);
    if (known && Buffer.compare(known, bytes) === 0) continue;
    mkdirSync(dirname(join(TREE, path)), { recursive: true });
    writeFileSync(join(TREE, path), bytes);
  }
}
