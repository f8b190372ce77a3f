/**
 * sharp's binding, whose work on images is done beside the machine of a build, by the same code in WebAssembly. It takes
 * and gives bytes: files are read and written here.
 */
const { readFile, writeFile } = require('node:fs/promises');
const { extname } = require('node:path');
const facts = require('./facts.json');

const work = globalThis[Symbol.for('sandbox.images')];

/** As many as sharp works on at one time. */
const most = 4;
const waiting = [];
let working = 0;

async function inTurn(operation, options) {
  if (!work) {
    throw new Error(
      'sharp works while an app is built, and not when it runs: make its images in the build, or use jimp',
    );
  }
  if (working >= most) await new Promise((resolve) => waiting.push(resolve));
  working += 1;
  try {
    return await work(operation, options);
  } finally {
    working -= 1;
    waiting.shift()?.();
  }
}

/** An input with the bytes of its file. */
async function withBytes(input) {
  if (!input?.file) return input;
  const { file, ...rest } = input;
  const buffer = await readFile(file).catch(({ code }) => {
    throw new Error(`Input file ${code === 'ENOENT' ? 'is missing' : 'cannot be read'}: ${file}`);
  });
  return { ...rest, buffer };
}

const formats = {
  avif: 'heif',
  gif: 'gif',
  heic: 'heif',
  heif: 'heif',
  jp2: 'jp2',
  jpeg: 'jpeg',
  jpg: 'jpeg',
  jpe: 'jpeg',
  png: 'png',
  raw: 'raw',
  tif: 'tiff',
  tiff: 'tiff',
  webp: 'webp',
};

async function prepared(options) {
  const given = { ...options, fileOut: '', typedArrayOut: false, input: await withBytes(options.input) };
  if (options.join) given.join = await Promise.all(options.join.map(withBytes));
  if (options.joinChannelIn) given.joinChannelIn = await Promise.all(options.joinChannelIn.map(withBytes));
  if (options.boolean) given.boolean = await withBytes(options.boolean);
  if (options.composite) {
    given.composite = await Promise.all(
      options.composite.map(async (layer) => ({ ...layer, input: await withBytes(layer.input) })),
    );
  }
  const { fileOut, formatOut } = options;
  if (fileOut && formatOut === 'input') {
    given.formatOut = formats[extname(fileOut).slice(1).toLowerCase()] ?? 'input';
  }
  return given;
}

/** Calls back outside of the promise, so that what the callback throws is an exception. */
function answer(promise, callback) {
  promise.then(
    (results) => setImmediate(callback, null, ...results),
    (error) => setImmediate(callback, error),
  );
}

async function pipeline(options) {
  const [data, info] = await inTurn('pipeline', await prepared(options));
  if (options.fileOut) {
    await writeFile(options.fileOut, data);
    return [info];
  }
  return [options.typedArrayOut ? new Uint8Array(data) : data, info];
}

module.exports = {
  pipeline: (options, callback) => answer(pipeline(options), callback),
  metadata: (options, callback) =>
    answer(
      prepared(options).then((given) => inTurn('metadata', given)),
      callback,
    ),
  stats: (options, callback) =>
    answer(
      prepared(options).then((given) => inTurn('stats', given)),
      callback,
    ),
  cache: () => structuredClone(facts.cache),
  concurrency: () => facts.concurrency,
  counters: () => ({ queue: waiting.length, process: working }),
  simd: () => facts.simd,
  libvipsVersion: () => ({ ...facts.libvipsVersion }),
  format: () => structuredClone(facts.format),
  block: () => {},
  _isUsingJemalloc: () => false,
  _isUsingX64V2: () => true,
};
