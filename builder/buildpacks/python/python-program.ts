/**
 * `python` in a machine: runs a script, a module or a line of code on the engine that serves the app. It is bundled, and
 * started as `node python.mjs <argument> …` with the app in /app, and the engine beside it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { startEngine } from '../../../edge/runtimes/python/adapter/engine.ts';
import { install, libraryVersion } from '../../../edge/runtimes/python/adapter/library.ts';
import { readSnapshot } from '../../../edge/runtimes/python/adapter/snapshot.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { TREE, TreeCopy } from '../../tree-copy.ts';
import { type PythonStart, parsePython } from './python-arguments.ts';

const ENGINE = import.meta.dirname;
const SNAPSHOT = join(ENGINE, 'snapshot.bin');

const start = await startOf(process.argv.slice(2));

const snapshot = existsSync(SNAPSHOT) ? readSnapshot(new Uint8Array(readFileSync(SNAPSHOT)).buffer) : undefined;
const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const python = await startEngine({
  module: await compile(readFileSync(join(ENGINE, 'python.wasm'))),
  stdlib: new Uint8Array(readFileSync(join(ENGINE, 'stdlib.zip'))).buffer,
  env: { ...(process.env as Record<string, string>), HOME: appRoot },
  snapshots: snapshot?.about.library === libraryVersion ? [snapshot] : [],
  onOutput: (line) => console.log(line),
});
const { FS } = python;
const copy = new TreeCopy(
  { makeDirectory: (path) => FS.mkdirTree(path), write: (path, bytes) => FS.writeFile(path, bytes), list },
  // What Python compiles is not kept.
  { skipped: (path) => path.includes('__pycache__/') },
);
FS.chdir(moved(process.cwd()));
install(python);
const { boot } = python.pyimport('islet.boot') as {
  boot: { callPromising(start: string): Promise<number | undefined> };
};
const code = await boot.callPromising(
  JSON.stringify(start.kind === 'script' ? { ...start, file: moved(resolve(start.file)) } : start),
);
copy.giveBack();
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

function* list(directory: string): Iterable<readonly [path: string, bytes: Uint8Array]> {
  for (const name of FS.readdir(directory) as string[]) {
    if (name === '.' || name === '..') continue;
    const path = join(directory, name);
    if (FS.isDir(FS.stat(path).mode)) yield* list(path);
    else yield [path, FS.readFile(path)];
  }
}
