/**
 * Takes the memory of an engine that has imported the packages of an app, and nothing of the app's: what packages read of
 * the environment is noted, and the app's own modules read it when a process starts. It is bundled, and run in a machine as
 * `node packages.mjs <file> <file with the start>`, with the app in /app; its standard output is a Report, as JSON.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { PyodideAPI } from 'pyodide';
import { startEngine } from '../../../edge/runtimes/python/adapter/engine.ts';
import { type EngineModule, recordLibraries } from '../../../edge/runtimes/python/adapter/libraries.ts';
import { install, libraryVersion } from '../../../edge/runtimes/python/adapter/library.ts';
import { packSnapshot, readSnapshot } from '../../../edge/runtimes/python/adapter/snapshot.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { TreeCopy } from '../../tree-copy.ts';
import type { Report } from './packages.ts';
import warm from './warm.py';

const ENGINE = import.meta.dirname;
const [output = '', startFile = ''] = process.argv.slice(2);
const start = readFileSync(startFile, 'utf8');

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const module = await compile(readFileSync(join(ENGINE, 'python.wasm')));
const stdlib = new Uint8Array(readFileSync(join(ENGINE, 'stdlib.zip'))).buffer;
const memory = new Uint8Array(readFileSync(join(ENGINE, 'snapshot.bin')));
const base = readSnapshot(memory.buffer);
if (!base) throw new Error('There is no memory to start from.');

/** Of warm.py. */
interface Warm {
  learn(start: string): string;
  take(order: string): string;
}

interface Taken {
  failed: string[];
  reason: string | null;
  environment: Record<string, string | null>;
  changes: Record<string, string>;
  count: number;
}

/** What a process of any app has; config vars are not known yet, and are to be in no slug. */
const neutral = { HOME: appRoot, LANG: 'en_US.UTF-8', PORT: '5000', PYTHONUNBUFFERED: 'true' };

/** The same packages make the same memory: by a clock that stands, and bytes that follow from the memory before. */
function makeRepeatable(): void {
  Date.now = () => 0;
  performance.now = () => 0;
  let count = 0;
  const seed = createHash('sha256').update(memory).digest();
  crypto.getRandomValues = ((view: Uint8Array) => {
    for (let at = 0; at < view.length; at += seed.length) {
      const bytes = createHash('sha256').update(seed).update(String(count++)).digest();
      view.set(bytes.subarray(0, view.length - at), at);
    }
    return view;
  }) as Crypto['getRandomValues'];
}

async function engine(env: Record<string, string>, makesSnapshot: boolean): Promise<[PyodideAPI, Warm]> {
  const python = await startEngine({
    module,
    stdlib,
    env,
    snapshots: base ? [base] : [],
    makesSnapshot,
    onOutput: () => {},
  });
  const { FS } = python;
  new TreeCopy({
    makeDirectory: (path) => FS.mkdirTree(path),
    write: (path, bytes) => FS.writeFile(path, bytes),
    list: () => [],
  });
  FS.chdir(appRoot);
  FS.mkdirTree('/islet/warm');
  FS.writeFile('/islet/warm/warm.py', warm);
  python.runPython('import sys; sys.path.insert(0, "/islet/warm"); sys.dont_write_bytecode = True');
  return [python, python.pyimport('warm') as Warm];
}

async function learn(): Promise<{ modules: string[]; set: string[]; error: string | null }> {
  const [python, { learn }] = await engine({ ...(process.env as Record<string, string>), HOME: appRoot }, false);
  install(python);
  return JSON.parse(learn(start));
}

/** Most times that modules are tried: one that cannot be imported alone may be what another needs. */
const MOST_TRIES = 4;

/** Imports the modules. What cannot be imported alone leaves its traces, so that the rest is imported by another engine. */
async function take(modules: string[], set: string[], tries = 1): Promise<Report> {
  const [python, { take: takeNow }] = await engine(neutral, true);
  const { FS, _module: inside } = python as PyodideAPI & { _module: EngineModule };
  const { streams } = FS as unknown as { streams: ({ path: string } | null)[] };
  const open = new Set(streams);
  const recorded = recordLibraries(inside, []);
  const taken: Taken = JSON.parse(takeNow(JSON.stringify({ modules, set })));
  if (taken.failed.length > 0) {
    if (tries === MOST_TRIES) return { reason: `${taken.failed[0]} cannot be imported without the app` };
    const failed = new Set(taken.failed);
    return take(
      modules.filter((name) => !failed.has(name)),
      set,
      tries + 1,
    );
  }
  if (taken.reason) return { reason: taken.reason };
  python.runPython(`
    import gc, importlib, sys
    sys.path.remove("/islet/warm")
    # Among what it has, importlib.metadata keeps archives open.
    importlib.invalidate_caches()
    sys.path_importer_cache.clear()
    del sys.modules["warm"]
    sys.dont_write_bytecode = False
    gc.collect()
    gc.freeze()
    del gc, importlib, sys
  `);
  const kept = streams.find((stream) => stream && !open.has(stream));
  if (kept) return { reason: `a package keeps ${kept.path} open` };
  const about = {
    library: libraryVersion,
    libraries: recorded.libraries(),
    environment: taken.environment,
    changes: taken.changes,
  };
  const bytes = packSnapshot(python.makeMemorySnapshot(), about, base);
  writeFileSync(output, bytes);
  return { modules: taken.count };
}

let report: Report;
try {
  const learnt = await learn();
  makeRepeatable();
  report = learnt.modules.length > 0 ? await take(learnt.modules, learnt.set) : {};
} catch (error) {
  report = { reason: (error as Error).message.trim().split('\n').at(-1) ?? '' };
}
console.log(JSON.stringify(report));
process.exit(0);
