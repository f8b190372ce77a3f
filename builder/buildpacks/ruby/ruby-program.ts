/**
 * `ruby` and `rake` in a machine: run a program on the engine that serves the app. It is bundled, and started as
 * `node /usr/local/bin/ruby <argument> …` with the app in /app, and the engine beside it.
 */
import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { ConsoleStdout, Directory, File } from '@bjorn3/browser_wasi_shim';
import { startEngine } from '../../../edge/runtimes/ruby/adapter/engine.ts';
import { install, quote } from '../../../edge/runtimes/ruby/adapter/library.ts';
import { installWaiting } from '../../../edge/runtimes/ruby/adapter/waiting.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { TREE, TreeCopy } from '../../tree-copy.ts';
import { parseRuby, type RubyStart } from './ruby-arguments.ts';

const SETUP = 'vendor/bundle/bundler/setup.rb';

const start = await startOf(basename(process.argv[1] ?? ''), process.argv.slice(2));

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const engine = await startEngine({
  module: await compile(readFileSync(join(import.meta.dirname, 'ruby.wasm'))),
  env: { ...(process.env as Record<string, string>), HOME: appRoot },
  stdout: new ConsoleStdout((bytes) => process.stdout.write(bytes)),
  stderr: new ConsoleStdout((bytes) => process.stderr.write(bytes)),
});
const { files, vm } = engine;
const copy = new TreeCopy({
  makeDirectory: (path) => void files.directory(path),
  write: (path, bytes) => files.write(path, bytes),
  list: (directory) => list(directory, files.directory(directory)),
});
// The app is where it is when it serves; its commands may name it by the place that a dyno has it at too.
files.link(files.directory(appRoot), TREE);
files.write('/tmp/.keep', new Uint8Array());
installWaiting(engine, { readLine: lines() });
install(engine);
const status = await vm.evalAsync(script(start)).then(
  (value) => Number(value.toJS()),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  },
);
copy.giveBack();
process.exit(status);

function script({ directories, libraries, args, ...what }: RubyStart): string {
  const file =
    'command' in what ? `Islet::Program.executable(${quote(what.command)})` : quote('file' in what ? what.file : '-e');
  return `
    require 'islet/boot'
    Dir.chdir(${quote(appRoot)})
    Islet.bundle(${quote(join(appRoot, SETUP))})
    Dir.chdir(${quote(moved(process.cwd()))})
    $LOAD_PATH.unshift(*[${directories.map(quote).join(', ')}].map { |path| File.expand_path(path) })
    Islet::Program.run(
      file: ${file}, args: [${args.map(quote).join(', ')}], libraries: [${libraries.map(quote).join(', ')}],
      code: ${'code' in what ? quote(what.code) : 'nil'},
    )
  `;
}

async function startOf(program: string, words: readonly string[]): Promise<RubyStart> {
  if (program !== 'ruby') return { command: program, args: [...words], libraries: [], directories: [] };
  const parsed = parseRuby(words);
  if ('refused' in parsed) {
    console.error(`ruby: ${parsed.refused}`);
    process.exit(2);
  }
  if (!('input' in parsed)) return parsed;
  return { code: await text(process.stdin), args: [], libraries: [], directories: [] };
}

/** Gives the lines of standard input one by one, once the first is asked for. */
function lines(): () => Promise<string | null> {
  let reader: AsyncIterator<string> | undefined;
  return async () => {
    reader ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const { done, value } = await reader.next();
    return done ? null : `${value}\n`;
  };
}

/** A path of the machine, as the engine has it. */
function moved(path: string): string {
  const place = relative(TREE, path);
  return place.startsWith('..') ? appRoot : join(appRoot, place);
}

function* list(path: string, { contents }: Directory): Iterable<readonly [path: string, bytes: Uint8Array]> {
  for (const [name, inode] of contents) {
    if (inode instanceof Directory) yield* list(join(path, name), inode);
    if (inode instanceof File) yield [join(path, name), inode.data];
  }
}
