/**
 * TypeScript as `tsx` runs it, beside what Node itself does: all of its syntax, imports that leave out extensions or name
 * those of what a file is compiled to, and paths of tsconfig.json. The package's own way there, hooks in another thread
 * and a server on a Unix socket, is closed in the machine.
 * `ts-node` is run the same way, without its check of types.
 */
import { extname, resolve as joinPath } from 'node:path';
import { fs } from '../tree.ts';

/** Where the packages `tsx` and `ts-node` have their commands. */
const COMMAND = /\/node_modules\/(?:tsx\/dist\/cli\.[cm]js|ts-node\/dist\/bin[-\w]*\.js)$/;

/** What `node --import` and its like are given for the same. */
const PRELOAD = /^tsx(\/(esm|cjs|preflight))?$/;

export const isTsx = (path: string): boolean => COMMAND.test(path);
export const isTsxPreload = (specifier: string): boolean => PRELOAD.test(specifier);

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'];

/** Of what a file is compiled to, to what it is compiled from. */
const SOURCES: Record<string, string[]> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};

const isFile = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The file that a path of an import means. */
export function sourceFile(path: string): string | undefined {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  const candidates = [
    path,
    ...(SOURCES[extension] ?? []).map((source) => stem + source),
    ...EXTENSIONS.map((added) => path + added),
    ...EXTENSIONS.map((added) => joinPath(path, `index${added}`)),
  ];
  return candidates.find(isFile);
}

interface Paths {
  base: string;
  paths: Record<string, string[]>;
}

/** Reads `paths` of the tsconfig.json in a directory; what that extends is not read. */
export function readPaths(directory: string): Paths {
  try {
    const text = String(fs.readFileSync(joinPath(directory, 'tsconfig.json'), 'utf8'));
    const { compilerOptions = {} } = JSON.parse(withoutComments(text)) as {
      compilerOptions?: { baseUrl?: string; paths?: Record<string, string[]> };
    };
    return { base: joinPath(directory, compilerOptions.baseUrl ?? '.'), paths: compilerOptions.paths ?? {} };
  } catch {
    return { base: directory, paths: {} };
  }
}

/** Comments and trailing commas, outside of strings. */
const withoutComments = (text: string): string =>
  text
    .replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '$1')
    .replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, '$1');

/** The file that a specifier means by `paths` ("TSConfig Reference"): the longest part before `*` wins. */
export function mappedFile(specifier: string, { base, paths }: Paths): string | undefined {
  const patterns = Object.keys(paths).sort((a, b) => b.indexOf('*') - a.indexOf('*'));
  for (const pattern of patterns) {
    const [before = '', after] = pattern.split('*');
    const fits = after === undefined ? specifier === before : specifier.startsWith(before) && specifier.endsWith(after);
    if (!fits) continue;
    const star = after === undefined ? '' : specifier.slice(before.length, specifier.length - after.length);
    for (const target of paths[pattern] ?? []) {
      const found = sourceFile(joinPath(base, target.replace('*', star)));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Gives an ES module of TypeScript what tsx does: the names of CommonJS, where it does not declare them. */
export function withCommonJsNames(source: string): string {
  const uses = (name: string) =>
    new RegExp(`\\b${name}\\b`).test(source) && !new RegExp(`\\b(?:const|let|var|function)\\s+${name}\\b`).test(source);
  const head = [
    uses('__filename') ? 'const __filename=import.meta.filename;' : '',
    uses('__dirname') ? 'const __dirname=import.meta.dirname;' : '',
    /\brequire\s*\(/.test(source) && uses('require')
      ? "import{createRequire as $createRequire}from'node:module';const require=$createRequire(import.meta.url);"
      : '',
  ].join('');
  return source.startsWith('#!') ? `${head}//${source}` : head + source;
}
