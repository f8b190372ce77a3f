/**
 * `php` in a machine: runs a program on the engine that serves the app. It is bundled, and started as
 * `node php.mjs <argument> …` with the app in /app, and the engine beside it.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { Engine, type PhpFactory } from '../../../edge/runtimes/php/adapter/engine.ts';
import { phpIni } from '../../../edge/runtimes/php/adapter/ini.ts';
import { install } from '../../../edge/runtimes/php/adapter/library.ts';
import { programIni, runProgram } from '../../../edge/runtimes/php/adapter/program.ts';
import type { EngineNeeds } from '../../../edge/runtimes/php/adapter/start.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { TREE } from '../../tree-copy.ts';
import processes from './lib/processes.php';
import { machineFiles } from './machine-files.ts';
import { type PhpStart, parsePhp } from './php-arguments.ts';
import { letSpawn, REPLACED } from './processes.ts';

const start = await startOf(process.argv.slice(2));
const served = JSON.parse(readFileSync(beside('start.json'), 'utf8')) as EngineNeeds;
const { default: factory } = (await import(pathToFileURL(beside('php.mjs')).href)) as { default: PhpFactory };
const names = [...served.libraries, ...served.extensions];
const engine = await Engine.start({
  factory,
  module: await compile(readFileSync(beside('php.wasm'))),
  libraries: new Map(
    await Promise.all(names.map(async (name) => [name, await compile(readFileSync(beside(`${name}.wasm`)))] as const)),
  ),
  ini: [phpIni(served, REPLACED), programIni, ...start.settings].join('\n'),
  mounts: mounts(),
  onLog: (line) => console.error(line),
});
install(engine, served.standIns, { 'processes.php': processes });
letSpawn(inMachine);
const status = await runProgram(
  engine,
  {
    ...(start.file === undefined ? { code: start.code ?? '' } : { file: moved(resolve(start.file)) }),
    name: start.file ?? 'Standard input code',
    args: start.args,
    directory: moved(process.cwd()),
  },
  {
    env: { PHP_BINARY: '/usr/local/bin/php', ...(process.env as Record<string, string>), HOME: appRoot },
    input: start.input,
    onOutput: (bytes) => void process.stdout.write(bytes),
  },
);
process.exit(status);

/** The machine's files where it has them, and the app where it is when it serves, too: paths that a build notes must hold. */
function mounts() {
  mkdirSync('/tmp', { recursive: true });
  const own = readdirSync('/').filter((name) => !['dev', 'proc', 'islet'].includes(name));
  return new Map([
    ...own.map((name) => [`/${name}`, { tree: machineFiles, at: `/${name}` }] as const),
    [appRoot, { tree: machineFiles, at: TREE }] as const,
  ]);
}

async function startOf(words: readonly string[]): Promise<PhpStart & { input: Uint8Array }> {
  const parsed = parsePhp(words);
  if (parsed.refused !== undefined) {
    console.error(`php: ${parsed.refused}`);
    process.exit(2);
  }
  const input = process.stdin.isTTY ? new Uint8Array() : new Uint8Array(await buffer(process.stdin));
  if (parsed.file !== undefined || parsed.code !== undefined) return { ...parsed, input };
  return { ...parsed, code: new TextDecoder().decode(input), input: new Uint8Array() };
}

function compile(bytes: Uint8Array): Promise<WebAssembly.Module> {
  const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
  return compile(bytes);
}

function beside(name: string): string {
  return join(import.meta.dirname, name);
}

/** A path as the engine has it, where the machine has it. */
function inMachine(path: string): string {
  return path === appRoot || path.startsWith(`${appRoot}/`) ? join(TREE, relative(appRoot, path)) : path;
}

/** A path of the machine, as the engine has it. */
function moved(path: string): string {
  const place = relative(TREE, path);
  return place.startsWith('..') ? path : join(appRoot, place);
}
