/** Which file of the document root answers a request, as the web server that the app names would find it. */
import type { Script } from './cgi.ts';
import { type Htaccess, parseHtaccess, rewrite } from './htaccess.ts';
import type { Site as Start } from './start.ts';

export type Target =
  | { script: Script; url: URL }
  /** A static file: its path from the document root. */
  | { file: string }
  | { redirect: string; status: number }
  | { status: number };

/** The files below the document root; paths begin with a slash. */
export interface Tree {
  isFile(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Undefined where there is no such file. */
  read(path: string): string | undefined;
}

/** As often as Apache goes through the rules again by default (LimitInternalRecursion). */
const MAX_ROUNDS = 10;

const INDEX = ['index.php', 'index.html', 'index.htm'];

export class Site {
  readonly #start: Start;
  readonly #tree: Tree;
  readonly #root: string;
  readonly #htaccess = new Map<string, Htaccess | undefined>();
  readonly #report: (problem: string) => void;

  /**
   * @param root absolute path of the document root
   * @param report takes what is not understood of the app's own rules
   */
  constructor(start: Start, root: string, tree: Tree, report: (problem: string) => void) {
    this.#start = start;
    this.#root = root;
    this.#tree = tree;
    this.#report = report;
  }

  /** @param variables the request's, as CGI names them */
  route(url: URL, variables: Readonly<Record<string, string>>): Target {
    let path = decoded(url.pathname);
    if (path === undefined) return { status: 400 };
    if (isHidden(path)) return { status: 404 };
    let query = url.search.slice(1);
    for (let round = 0; this.#start.server === 'apache2' && round < MAX_ROUNDS; round++) {
      const rules = this.#rulesFor(path);
      if (!rules) break;
      const request = {
        path,
        query,
        variables: { ...variables, DOCUMENT_ROOT: this.#root },
        // To Apache, what a script's path goes on with is no part of the file's name.
        isFile: (file: string) => this.#tree.isFile(file) || this.#script(file) !== undefined,
        isDirectory: this.#tree.isDirectory,
      };
      const result = rewrite(rules.htaccess, rules.directory, request);
      if (!('path' in result)) return result;
      path = result.path;
      query = result.query;
      if (!result.changed || result.end) break;
    }
    const rewritten = new URL(url);
    rewritten.search = query;
    return this.#find(path, rewritten);
  }

  #find(path: string, url: URL): Target {
    const script = this.#script(path);
    if (script) return { script, url };
    if (this.#tree.isFile(path)) return { file: path };
    if (this.#tree.isDirectory(path)) {
      const directory = path.replace(/\/?$/, '/');
      const index = (this.#settingOf(path, 'index') ?? INDEX).find((name) => this.#tree.isFile(directory + name));
      if (index && !path.endsWith('/')) return { redirect: `${encodeURI(directory)}${url.search}`, status: 301 };
      if (index) return this.#find(directory + index, url);
    }
    const front = this.#frontFor(path);
    return front && this.#tree.isFile(front) ? { script: this.#scriptAt(front, path), url } : { status: 404 };
  }

  /** The script that a path names, with or without more behind it: `/index.php/users/1`. */
  #script(path: string): Script | undefined {
    for (let end = path.indexOf('.php'); end >= 0; end = path.indexOf('.php', end + 1)) {
      const name = path.slice(0, end + 4);
      const rest = path.slice(end + 4);
      if ((rest === '' || rest.startsWith('/')) && this.#tree.isFile(name)) return this.#scriptAt(name, rest);
    }
    return undefined;
  }

  #scriptAt(name: string, pathInfo: string): Script {
    return { file: this.#root + name, name, pathInfo };
  }

  /** The script that answers where there is no file. */
  #frontFor(path: string): string | undefined {
    const { server, front } = this.#start;
    if (front !== undefined) return `/${front}`;
    if (server === 'apache2') return this.#settingOf(path, 'fallback');
    if (server === 'nginx') return undefined;
    // "Built-in web server", PHP manual: the index of the nearest directory above; of a path with an extension, none.
    if (/\.[^/]*$/.test(path)) return undefined;
    for (const directory of above(path)) if (this.#tree.isFile(`${directory}index.php`)) return `${directory}index.php`;
    return undefined;
  }

  /** The rules of the nearest directory that has some. */
  #rulesFor(path: string): { directory: string; htaccess: Htaccess } | undefined {
    for (const directory of above(path)) {
      const htaccess = this.#htaccessOf(directory);
      if (htaccess?.rewrites && htaccess.rules.length > 0) return { directory, htaccess };
    }
    return undefined;
  }

  #settingOf<Name extends 'index' | 'fallback'>(path: string, name: Name): Htaccess[Name] | undefined {
    for (const directory of above(`${path}/`)) {
      const value = this.#htaccessOf(directory)?.[name];
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #htaccessOf(directory: string): Htaccess | undefined {
    if (this.#start.server !== 'apache2') return undefined;
    if (!this.#htaccess.has(directory)) {
      const text = this.#tree.read(`${directory}.htaccess`);
      this.#htaccess.set(directory, text === undefined ? undefined : parseHtaccess(text, this.#report));
    }
    return this.#htaccess.get(directory);
  }
}

/** The directories above a path, the nearest first: `/a/b/`, `/a/`, `/`. */
function above(path: string): string[] {
  const directories: string[] = [];
  for (let end = path.lastIndexOf('/'); end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    directories.push(path.slice(0, end + 1));
  }
  return directories;
}

/** Files whose name begins with a dot are the app's own: `.env`, `.htaccess`. */
const isHidden = (path: string): boolean => /\/\.(?!well-known(\/|$))/.test(path);

/** Undefined when it cannot be decoded, or could be taken for another by a file system. */
function decoded(pathname: string): string | undefined {
  try {
    const path = decodeURIComponent(pathname).replace(/\/{2,}/g, '/');
    return path.includes('\0') || path.split('/').includes('..') ? undefined : path;
  } catch {
    return undefined;
  }
}
