/** The `Module` class of `node:module`, one for each task: CommonJS modules with their cache and their extensions. */
import { dirname, resolve as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fs } from '../tree.ts';
import { type CommonJsFunction, compileCommonJs, looksLikeModule } from './compile.ts';
import type { Loader } from './loader.ts';
import { failure, isBuiltin } from './resolve.ts';

type Extension = (module: CommonJsModule, path: string) => void;

export interface CommonJsModule {
  id: string;
  path: string;
  filename: string;
  exports: unknown;
  loaded: boolean;
  parent: CommonJsModule | null | undefined;
  children: CommonJsModule[];
  paths: string[];
  require(specifier: string): unknown;
  load(path: string): void;
  _compile(source: string, path: string, format?: string): unknown;
}

export interface Require {
  (specifier: string): unknown;
  resolve: ((specifier: string, options?: { paths?: string[] }) => string) & {
    paths: (specifier: string) => string[] | null;
  };
  cache: Record<string, CommonJsModule>;
  extensions: Record<string, Extension>;
  main: CommonJsModule | undefined;
}

export interface ModuleClass {
  new (id?: string, parent?: CommonJsModule | null): CommonJsModule;
  _cache: Record<string, CommonJsModule>;
  _extensions: Record<string, Extension>;
  _load(request: string, parent: CommonJsModule | null, isMain?: boolean): unknown;
  _resolveFilename(
    request: string,
    parent?: CommonJsModule | null,
    isMain?: boolean,
    options?: { paths?: string[] },
  ): string;
  _nodeModulePaths(from: string): string[];
  _findPath(request: string, paths?: string[]): string | false;
  _initPaths(): void;
  _pathCache: Record<string, string>;
  createRequire(from: string | URL): Require;
  /** Compiles a file's source as CommonJS without running it. */
  compile(source: string, path: string): CommonJsFunction;
}

export function createModuleClass(loader: Loader): ModuleClass {
  let main: CommonJsModule | undefined;

  class Module implements CommonJsModule {
    static _cache: Record<string, CommonJsModule> = Object.create(null);
    static _pathCache: Record<string, string> = Object.create(null);
    static _extensions: Record<string, Extension> = Object.assign(Object.create(null), {
      '.js': loadSource,
      '.json': (module: CommonJsModule, path: string) => {
        try {
          module.exports = JSON.parse(String(fs.readFileSync(path, 'utf8')).replace(/^\ufeff/, ''));
        } catch (error) {
          (error as Error).message = `${path}: ${(error as Error).message}`;
          throw error;
        }
      },
      '.node': (_module: CommonJsModule, path: string) => {
        throw failure(
          'ERR_DLOPEN_FAILED',
          `${path} is native code, which does not run in the sandbox. Use the package's WebAssembly build, or another package.`,
        );
      },
      '.ts': loadSource,
    });

    static compile = compileCommonJs;

    static runMain(path = String((loader.builtin('process') as NodeJS.Process).argv[1])): void {
      Module._load(path, null, true);
    }

    static _initPaths(): void {}

    static _nodeModulePaths(from: string): string[] {
      const paths: string[] = [];
      for (let current = joinPath(from); ; current = dirname(current)) {
        if (!current.endsWith('/node_modules')) paths.push(joinPath(current, 'node_modules'));
        if (current === '/') return paths;
      }
    }

    static _findPath(request: string, paths: string[] = []): string | false {
      for (const path of paths) {
        try {
          return loader.find(request, joinPath(path, 'noop.js'), 'require');
        } catch {
          // Not below this one.
        }
      }
      return false;
    }

    static _resolveFilename(
      request: string,
      parent?: CommonJsModule | null,
      _isMain?: boolean,
      options?: { paths?: string[] },
    ): string {
      if (typeof request !== 'string') {
        throw failure('ERR_INVALID_ARG_TYPE', 'The "id" argument must be of type string.', TypeError);
      }
      const { paths } = options ?? {};
      if (paths) {
        for (const path of paths) {
          try {
            return loader.find(request, joinPath(loader.task.cwd, path, 'noop.js'), 'require');
          } catch (error) {
            if ((error as { code?: string }).code !== 'MODULE_NOT_FOUND') throw error;
          }
        }
        throw failure('MODULE_NOT_FOUND', `Cannot find module '${request}'`);
      }
      const from = parent?.filename ?? joinPath(loader.task.cwd, 'noop.js');
      const found = loader.find(request, from, 'require');
      // As in Node: a builtin is named the way it was asked for.
      return found.startsWith('node:') ? request : found;
    }

    static _load(request: string, parent: CommonJsModule | null, isMain = false): unknown {
      const filename = Module._resolveFilename(request, parent, isMain);
      const cached = Module._cache[filename];
      if (cached) return cached.exports;
      if (isBuiltin(filename)) return loader.builtin(filename.replace(/^node:/, ''));
      const module = new Module(filename, parent);
      if (isMain) {
        main = module;
        module.id = '.';
      }
      Module._cache[filename] = module;
      let loaded = false;
      try {
        module.load(filename);
        loaded = true;
      } finally {
        if (!loaded) delete Module._cache[filename];
      }
      return module.exports;
    }

    static createRequire(from: string | URL): Require {
      const text = String(from);
      const path = text.startsWith('file:') ? fileURLToPath(text) : joinPath(loader.task.cwd, text);
      const module = new Module(path);
      module.filename = text.endsWith('/') ? joinPath(path, 'noop.js') : path;
      return makeRequire(module);
    }

    id: string;
    path: string;
    filename: string;
    exports: unknown = {};
    loaded = false;
    parent: CommonJsModule | null | undefined;
    children: CommonJsModule[] = [];
    paths: string[];

    constructor(id = '', parent?: CommonJsModule | null) {
      this.id = id;
      this.filename = id;
      this.path = dirname(id);
      this.parent = parent;
      this.paths = Module._nodeModulePaths(this.path);
      parent?.children.push(this);
    }

    load(path: string): void {
      this.filename = path;
      const extension = Object.keys(Module._extensions)
        .filter((candidate) => path.endsWith(candidate))
        .sort((a, b) => b.length - a.length)[0];
      (Module._extensions[extension ?? '.js'] ?? loadSource)(this, path);
      this.loaded = true;
    }

    require(specifier: string): unknown {
      return Module._load(specifier, this);
    }

    _compile(source: string, path: string): unknown {
      const run = compileCommonJs(source, path);
      return run.call(this.exports, this.exports, makeRequire(this), this, path, dirname(path), loader.importer(path));
    }
  }

  function loadSource(module: CommonJsModule, path: string): void {
    const format = loader.formatOf(path);
    if (format === 'module') {
      module.exports = loader.requireModule(path);
      return;
    }
    const source = loader.read(path);
    try {
      compileCommonJs(source, path);
    } catch (error) {
      if (format !== undefined || !looksLikeModule(error)) throw error;
      if (module === main) throw Object.assign(error as Error, { isModule: true });
      module.exports = loader.requireModule(path);
      return;
    }
    module._compile(source, path);
  }

  function makeRequire(module: CommonJsModule): Require {
    const require = (specifier: string) => module.require(specifier);
    const resolve = (specifier: string, options?: { paths?: string[] }) =>
      Module._resolveFilename(specifier, module, false, options);
    return Object.assign(require, {
      resolve: Object.assign(resolve, {
        paths: (specifier: string) => {
          if (isBuiltin(specifier)) return null;
          return /^\.{1,2}(\/|$)/.test(specifier) ? [dirname(module.filename)] : module.paths;
        },
      }),
      cache: Module._cache,
      extensions: Module._extensions,
      main,
    });
  }

  return Module as unknown as ModuleClass;
}
