/**
 * `@ast-grep/napi` over `@ast-grep/wasm`: the same search, for JavaScript's languages. Its grammars are loaded before
 * whoever imports this module runs, so that `parse` need not wait.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as engine from '@ast-grep/wasm/wasm_bg.js';

const { resolve } = createRequire(import.meta.url);
const module = new WebAssembly.Module(readFileSync(resolve('@ast-grep/wasm/wasm_bg.wasm')));
const { exports } = new WebAssembly.Instance(module, { './wasm_bg.js': engine });
engine.__wbg_set_wasm(exports);
exports.__wbindgen_start();
await engine.initializeTreeSitter();
await engine.registerDynamicLanguage({
  TypeScript: { libraryPath: resolve('tree-sitter-typescript/tree-sitter-typescript.wasm') },
  // Its grammar has all of JavaScript and JSX.
  Tsx: { libraryPath: resolve('tree-sitter-typescript/tree-sitter-tsx.wasm') },
});

export const Lang = { Html: 'Html', JavaScript: 'JavaScript', Tsx: 'Tsx', Css: 'Css', TypeScript: 'TypeScript' };
const grammars = { TypeScript: 'TypeScript', Tsx: 'Tsx', JavaScript: 'Tsx' };

function grammarOf(language) {
  const grammar = grammars[language];
  if (grammar) return grammar;
  throw new Error(`@ast-grep/napi is replaced by WebAssembly here, which has no grammar for ${language}.`);
}

export const { SgNode, SgRoot } = engine;
export const parse = (language, source) => engine.parse(grammarOf(language), source);
export const parseAsync = async (language, source) => parse(language, source);
export const kind = (language, name) => engine.kind(grammarOf(language), name);
export const pattern = (language, source) => engine.pattern(grammarOf(language), source);

export async function parseFiles(files, callback) {
  const paths = Array.isArray(files) ? files : files.paths;
  for (const path of paths) {
    const language = /\.[cm]?ts$/.test(path) ? 'TypeScript' : 'Tsx';
    callback(null, parse(language, await readFile(path, 'utf8')));
  }
  return paths.length;
}

const of = (language) => ({
  parse: (source) => parse(language, source),
  parseAsync: (source) => parseAsync(language, source),
  kind: (name) => kind(language, name),
  pattern: (source) => pattern(language, source),
});
export const [js, jsx, ts, tsx] = ['JavaScript', 'JavaScript', 'TypeScript', 'Tsx'].map(of);
export default { Lang, SgNode, SgRoot, parse, parseAsync, parseFiles, kind, pattern, js, jsx, ts, tsx };
