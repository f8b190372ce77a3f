/**
 * `php` in a machine: runs a program on the engine that serves the app. It is bundled, and started as
 * `node php.mjs <argument> …` with the app in /app, and the engine beside it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { Engine, type PhpFactory } from '../../../edge/runtimes/php/adapter/engine.ts';
import { phpIni } from '../../../edge/runtimes/php/adapter/ini.ts';
import { install } from '../../../edge/runtimes/php/adapter/library.ts';
import type { Start } from '../../../edge/runtimes/php/adapter/start.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { TREE } from '../../tree-copy.ts';
import prepared from './lib/program.php';
import { machineFiles } from './machine-files.ts';
import { type PhpStart, parsePhp } from './php-arguments.ts';

const PROGRAM = '/islet/program.php';
const CODE = '/islet/code.php';

/** What lib/program.php ends with. */
const MARK = Buffer.from('\x1eislet\n');

/** PHP's name for the way that it is run. Programs of the command line refuse to run by another. */
const SAPI = { cgi: 'cgi-fcgi', cli: 'cli\0\0\0\0\0' };

const start = await startOf(process.argv.slice(2));
const served = JSON.parse(readFileSync(beside('start.json'), 'utf8')) as Start;
const { default: factory } = (await import(pathToFileURL(beside('php.mjs')).href)) as { default: PhpFactory };
const names = [...served.libraries, ...served.extensions];
const engine = await Engine.start({
  factory,
  module: await compile(onCommandLine(readFileSync(beside('php.wasm')))),
  libraries: new Map(
    await Promise.all(names.map(async (name) => [name, await compile(readFileSync(beside(`${name}.wasm`)))] as const)),
  ),
  ini: [phpIni(served), ...settings(start)].join('\n'),
  mounts: mounts(),
  onLog: (line) => console.error(line),
});
install(engine);
engine.write(PROGRAM, prepared);
if (start.code !== undefined) engine.write(CODE, start.code);
const status = await engine.run(
  {
    ...(process.env as Record<string, string>),
    HOME: appRoot,
    // What the CGI program asks for before it runs a script.
    REDIRECT_STATUS: '200',
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'GET',
    SCRIPT_FILENAME: start.file === undefined ? CODE : moved(resolve(start.file)),
    ISLET_ARGV: JSON.stringify([start.file ?? 'Standard input code', ...start.args]),
    ISLET_DIRECTORY: moved(process.cwd()),
  },
  { input: start.input, onOutput: afterMark((bytes) => void process.stdout.write(bytes)) },
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

function settings({ settings: given }: PhpStart): string[] {
  const own = ['display_errors = stderr', 'log_errors = Off', 'max_execution_time = 0', 'implicit_flush = On'];
  return [...own, `auto_prepend_file = ${PROGRAM}`, ...given];
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

function onCommandLine(module: Buffer): Uint8Array {
  const at = module.indexOf(SAPI.cgi);
  if (at < 0) throw new Error('php.wasm is not the one that is known.');
  module.write(SAPI.cli, at);
  return module;
}

function beside(name: string): string {
  return join(import.meta.dirname, name);
}

/** A path of the machine, as the engine has it. */
function moved(path: string): string {
  const place = relative(TREE, path);
  return place.startsWith('..') ? path : join(appRoot, place);
}

/** Leaves out the headers that CGI begins with. */
function afterMark(take: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  let head: Buffer | undefined = Buffer.alloc(0);
  return (bytes) => {
    if (!head) return take(bytes);
    head = Buffer.concat([head, bytes]);
    const at = head.indexOf(MARK);
    if (at < 0) return;
    const rest = head.subarray(at + MARK.length);
    head = undefined;
    if (rest.length > 0) take(rest);
  };
}
