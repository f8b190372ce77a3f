/** PHP for WebAssembly, as the project php-wasm builds and publishes it: the CGI program, and extensions. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildContext } from '../buildpack.ts';

/** The version that apps get. */
export const PHP = '8.5.2';

const SERIES = 'php8.5';

interface Package {
  name: string;
  version: string;
  integrity: string;
}

const packageOf = (name: string, integrity: string): Package => ({ name, version: '0.1.0', integrity });

const PROGRAM = packageOf(
  'php-cgi-wasm',
  'sha512-XI4Ouq+Ty1HJOj66okHjsv24QjgRjNdtfh8d5KrjWifLxYyl/tc5/jYpPfSGHgAActlkrVKVM6QrilH2QclhUw==',
);
const PROGRAM_WASM = '5f89dfaee497a425655e87f42a31ab92a536f734.wasm';
const PROGRAM_MODULE = `${SERIES}-cgi-worker.mjs`;

const packages = {
  mbstring: packageOf(
    'php-wasm-mbstring',
    'sha512-xZ55RNq0fgJ/nAmUALdKxACUpa1Kl84V7Gi8u8tZzaP/XWIQefsH5IsFrCDiBqibzuBnxt/vvi6ljPXSJ0aNdw==',
  ),
  sqlite: packageOf(
    'php-wasm-sqlite',
    'sha512-HDe1uwJAw44Ymv5whv485EnaCbJczyxIBLR2eHAsmywI/T07ZscnREhRc0ADI+71tRqZIc4SJQtg5redQXKG2A==',
  ),
  libxml: packageOf(
    'php-wasm-libxml',
    'sha512-lUNFW9cuT+j0C2r3nalTz9HcISlux1pBcezUl+PQeCiDcXOiX4QuL2wlUQ+gM0y/tO3TtEqg08D/PzLTkTakjQ==',
  ),
  dom: packageOf(
    'php-wasm-dom',
    'sha512-M0w33KaX4HdYO4B7vI0rssLgv59eV5nFQxB6rvmdVOQ2Rt7kWCANBdsqGNJCJNMqaowXitY1LeoV51qxjda0jQ==',
  ),
  iconv: packageOf(
    'php-wasm-iconv',
    'sha512-ZHwqYNmGYouDsZdsPpclPw9q7LJDOfvdhwjjRuBfSxYlmR0myh6R81vJKZrYZWX5a6B1SZKneH7+7xpntdzCOg==',
  ),
};

interface Extension {
  /** Files, in the order in which they are loaded. */
  files: readonly string[];
  libraries: readonly { name: string; from: Package }[];
  from: Package;
}

const iconv = { name: 'libiconv.so', from: packages.iconv };

/** Extensions that are loaded for an app, by the names that Composer knows them by. */
export const loadable: Readonly<Record<string, Extension>> = {
  mbstring: {
    files: [`${SERIES}-mbstring.so`],
    libraries: [{ name: 'libonig.so', from: packages.mbstring }],
    from: packages.mbstring,
  },
  iconv: { files: [`${SERIES}-iconv.so`], libraries: [iconv], from: packages.iconv },
  dom: {
    files: [`${SERIES}-dom.so`],
    libraries: [{ name: 'libxml2.so', from: packages.libxml }],
    from: packages.dom,
  },
  pdo_sqlite: {
    files: [`${SERIES}-pdo-sqlite.so`],
    libraries: [{ name: 'libsqlite3.so', from: packages.sqlite }],
    from: packages.sqlite,
  },
  sqlite3: {
    files: [`${SERIES}-sqlite.so`],
    libraries: [{ name: 'libsqlite3.so', from: packages.sqlite }],
    from: packages.sqlite,
  },
};

/** Extensions that the program has in it. */
export const builtIn: ReadonlySet<string> = new Set([
  ...['core', 'bcmath', 'calendar', 'ctype', 'date', 'exif', 'filter', 'hash', 'json', 'lexbor', 'libxml', 'pcre'],
  ...['pdo', 'random', 'reflection', 'session', 'spl', 'standard', 'tokenizer', 'uri', 'zend-opcache'],
]);

/** Extensions that every app has, as on Heroku. */
export const BY_DEFAULT = ['mbstring', 'iconv', 'dom', 'pdo_sqlite', 'sqlite3'];

/** Extensions that the runtime's own library stands for, where an app asks for them. */
export const standIns: readonly string[] = ['curl'];

/** What an app with these extensions needs of the engine. */
export interface EngineFiles {
  /** Names of libraries and of extensions, for the runtime. */
  libraries: string[];
  extensions: string[];
  /** Modules that slugs share: by name to the file on this host. */
  shared: Map<string, string>;
}

/** The engine's files; the first build of a PHP app downloads them. */
export async function engineFiles(names: readonly string[], context: BuildContext): Promise<EngineFiles> {
  const { store, settings, signal, scratch } = context;
  const directoryOf = async (of: Package) => (await store.get(of, settings, signal)).directory;
  const program = await directoryOf(PROGRAM);
  const module = join(scratch, 'php.mjs');
  await writeFile(module, changed(await readFile(join(program, PROGRAM_MODULE), 'utf8')));
  const shared = new Map([
    ['php.wasm', join(program, PROGRAM_WASM)],
    ['php.mjs', module],
  ]);
  const libraries: string[] = [];
  const extensions: string[] = [];
  for (const name of names) {
    const extension = loadable[name];
    if (!extension) continue;
    for (const library of extension.libraries) {
      if (!libraries.includes(library.name)) libraries.push(library.name);
      shared.set(`${library.name}.wasm`, join(await directoryOf(library.from), library.name));
    }
    for (const file of extension.files) {
      extensions.push(file);
      shared.set(`${file}.wasm`, join(await directoryOf(extension.from), file));
    }
  }
  return { libraries, extensions, shared };
}

/**
 * What the module is made to do besides: it compiles libraries out of files, and here takes compiled ones, which all
 * instances on a machine share, by file name out of `libraries`; it shows the parts of itself by which PHP can be made to
 * wait, and gives a stack that waits the room that it takes.
 */
const CHANGES: readonly (readonly [known: string, changed: string])[] = [
  [
    'function loadLibData(){',
    'function loadLibData(){const known=Module.libraries?.[libName.split("/").at(-1)];if(known)return flags.loadAsync?Promise.resolve(known):known;',
  ],
  ['function initRuntime(){', 'function initRuntime(){Object.assign(Module,{addFunction,wasmTable,Asyncify});'],
  ['StackSize:4096', 'StackSize:262144'],
];

function changed(text: string): string {
  return CHANGES.reduce((whole, [known, change]) => {
    if (whole.split(known).length !== 2) {
      throw new Error(`${PROGRAM_MODULE} of ${PROGRAM.name} is not the one that is known.`);
    }
    return whole.replace(known, () => change);
  }, text);
}
