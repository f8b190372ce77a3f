/**
 * Runs Bundler on the app's Gemfile in a machine: bundle.rb on the engine that serves the app. It writes a line of JSON for
 * each request that Bundler sends, and reads the answers as such lines; its last line is what Bundler makes of the
 * Gemfile. What Bundler and the Gemfile print goes to standard error. bundler.ts is at the other end.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { ConsoleStdout } from '@bjorn3/browser_wasi_shim';
import { startEngine } from '../../../edge/runtimes/ruby/adapter/engine.ts';
import { install, quote } from '../../../edge/runtimes/ruby/adapter/library.ts';
import { appRoot } from '../../../schema/app-root.ts';
import { TreeCopy } from '../../tree-copy.ts';
import driver from './bundle.rb';
import type { IndexAnswer, IndexRequest } from './bundler.ts';

const GEMFILE = join(appRoot, 'Gemfile');

/** Fields end with a NUL, which no header holds. */
const NUL = '\0';

const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };
const output = new ConsoleStdout((bytes) => process.stderr.write(bytes));
const engine = await startEngine({
  module: await compile(readFileSync(join(import.meta.dirname, 'ruby.wasm'))),
  env: { ...(process.env as Record<string, string>), HOME: '/tmp', BUNDLE_GEMFILE: GEMFILE },
  stdout: output,
  stderr: output,
});
const { files, vm } = engine;
new TreeCopy({
  makeDirectory: (path) => void files.directory(path),
  write: (path, bytes) => files.write(path, bytes),
  list: () => [],
});
files.write('/islet/lib/islet/bundle.rb', new TextEncoder().encode(driver));

const pending = new Map<number, (answer: IndexAnswer) => void>();
createInterface({ input: process.stdin }).on('line', (line) => {
  const answer = JSON.parse(line) as IndexAnswer;
  pending.get(answer.id)?.(answer);
  pending.delete(answer.id);
});
let count = 0;
const announced = new Map<string, Promise<IndexAnswer>>();

function ask(url: string, headers: Record<string, string> = {}): Promise<IndexAnswer> {
  const id = ++count;
  const request: IndexRequest = { id, url, headers };
  process.stdout.write(`${JSON.stringify(request)}\n`);
  return new Promise((resolve) => pending.set(id, resolve));
}

async function get(url: string, fields: string): Promise<string> {
  const words = fields.split(NUL);
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < words.length; at += 2) headers[words[at] ?? ''] = words[at + 1] ?? '';
  const known = announced.get(url);
  announced.delete(url);
  const { status, headers: found, body, error } = await (known ?? ask(url, headers));
  if (error) throw new Error(error);
  const bytes = Buffer.from(body, 'base64');
  const lines = Object.entries({ ...found, 'content-length': bytes.length }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const path = `/islet/${++count}.fetched`;
  files.write(path, Buffer.concat([Buffer.from(`HTTP/1.1 ${status} -\r\n${lines.join('\r\n')}\r\n\r\n`), bytes]));
  return path;
}

Object.assign(globalThis, {
  islet: {
    fetch: get,
    announce: async (urls: string) => {
      for (const url of urls.split(NUL)) if (!announced.has(url)) announced.set(url, ask(url));
    },
    constants: { undefined, null: null, true: true, false: false },
  },
});
install(engine);
try {
  const result = await vm.evalAsync(`
    require 'islet/bundle'
    Dir.chdir(${quote(appRoot)})
    begin
      JSON.generate(Islet::Bundle.read(${quote(GEMFILE)}, ${quote(`${GEMFILE}.lock`)}))
    rescue Bundler::BundlerError => error
      JSON.generate({ error: error.message })
    end
  `);
  process.stdout.write(`${result.toString()}\n`, () => process.exit(0));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
