/**
 * `@swc/core` over `@swc/wasm`, which has the same compiler, and takes a source and options as plain values alone, where
 * the package lets options be undefined, and reads files.
 */
const { readFileSync } = require('node:fs');
const { readFile } = require('node:fs/promises');
const swc = require('@swc/wasm');
const { version } = require('./package.json');

/** Options as the compiler reads them: without what is undefined. */
const plain = (options = {}) => JSON.parse(JSON.stringify(options));
const named = (path, options) => ({ ...options, filename: options?.filename ?? path });

/** `options.plugin`, a function over the syntax tree, is called between parsing and compiling. */
function withPlugin(source, { plugin, ...options } = {}) {
  if (typeof plugin !== 'function') return { input: source, options: plain(options) };
  const { jsc = {} } = options;
  const program = typeof source === 'string' ? swc.parseSync(source, plain(jsc.parser)) : source;
  return { input: plugin(program), options: plain(options) };
}

function transformSync(source, given) {
  const { input, options } = withPlugin(source, given);
  return swc.transformSync(input, options);
}

async function transform(source, given) {
  return transformSync(source, given);
}

const minifySync = (source, options) => swc.minifySync(source, plain(options));
const parseSync = (source, options) => swc.parseSync(source, plain(options ?? { syntax: 'ecmascript' }));
const printSync = (program, options) => swc.printSync(program, plain(options));

module.exports = {
  version,
  DEFAULT_EXTENSIONS: Object.freeze(['.js', '.jsx', '.es6', '.es', '.mjs', '.ts', '.tsx', '.cts', '.mts']),
  transform,
  transformSync,
  transformFile: async (path, options) => transform(await readFile(path, 'utf8'), named(path, options)),
  transformFileSync: (path, options) => transformSync(readFileSync(path, 'utf8'), named(path, options)),
  minify: async (source, options) => minifySync(source, options),
  minifySync,
  parse: async (source, options) => parseSync(source, options),
  parseSync,
  parseFile: async (path, options) => parseSync(await readFile(path, 'utf8'), options),
  parseFileSync: (path, options) => parseSync(readFileSync(path, 'utf8'), options),
  print: async (program, options) => printSync(program, options),
  printSync,
  plugins: (all) => (program) => all.reduce((changed, plugin) => plugin(changed) ?? changed, program),
};
