/** Loads modules of the tree for one task, as Node does: CommonJS, ES modules, JSON and builtins, each onto the others. */
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Task } from '../task.ts';
import { fs } from '../tree.ts';
import { createModuleClass, type ModuleClass } from './commonjs.ts';
import {
  type CompiledModule,
  compileModule,
  looksLikeModule,
  readSource,
  readText,
  staticRequests,
  stripTypes,
} from './compile.ts';
import { Hooks, type HooksModule } from './hooks.ts';
import { type Format, failure, formatOf, resolveSpecifier, type Way } from './resolve.ts';
import { mappedFile, readPaths, sourceFile, withCommonJsNames } from './typescript.ts';

/** A module as the ES module loader sees it, whatever it is. */
interface Module {
  url: string;
  /** The namespace object. Its properties are there after linking (ES modules) or after evaluation (all others). */
  namespace: object;
  state: 'linked' | 'running' | 'done';
  /** Set when the module failed. */
  failed?: { error: unknown };
  /** The run under way, of a module with a top-level `await`. */
  running?: Promise<void>;
  run: () => Promise<void> | undefined;
  async: boolean;
  dependencies: Module[];
  /** Names it exports; undefined when only evaluation tells. */
  names?: ReadonlySet<string>;
}

export class Loader {
  readonly task: Task;
  readonly Module: ModuleClass;
  readonly builtin: (name: string) => unknown;
  readonly #modules = new Map<string, Module>();
  /** Those that the program registers. */
  readonly hooks: Hooks;
  /** Loads modules of hooks. */
  #hooksLoader: Loader | undefined;
  mainPath: string | undefined;
  /** Whether TypeScript is run as `tsx` does; see typescript.ts. */
  readonly #typescript: boolean;
  readonly #paths: ReturnType<typeof readPaths> | undefined;

  /**
   * @param builtin gives the task its instance of a builtin module; the name has no `node:`
   */
  constructor(task: Task, builtin: (name: string) => unknown, { typescript }: { typescript: boolean }) {
    this.task = task;
    this.builtin = builtin;
    this.#typescript = typescript;
    this.#paths = typescript ? readPaths(task.cwd) : undefined;
    this.hooks = new Hooks({
      find: (specifier, from, way) => this.#find(specifier, from, way),
      formatOf,
      read: readText,
      strip: (text, path) => stripTypes(text, path, this.#typescript),
      requests: staticRequests,
    });
    this.Module = createModuleClass(this);
  }

  /** Finds what a specifier means, as `resolveSpecifier` does, unless a hook of the program says otherwise. */
  find(specifier: string, from: string, way: Way): string {
    return this.hooks.find(specifier, from, way);
  }

  #find(specifier: string, from: string, way: Way): string {
    const fromPackage = from.includes('/node_modules/');
    const mapped = this.#paths && !fromPackage ? mappedFile(specifier, this.#paths) : undefined;
    if (mapped !== undefined) return String(fs.realpathSync(mapped));
    try {
      return resolveSpecifier(specifier, from, way);
    } catch (error) {
      if (!this.#typescript || fromPackage || !/^\.{0,2}\/|^\.{1,2}$/.test(specifier)) throw error;
      const source = sourceFile(resolve(dirname(from), specifier));
      if (source === undefined) throw error;
      return String(fs.realpathSync(source));
    }
  }

  /** A file's source, in JavaScript. */
  read(path: string): string {
    return this.hooks.source(path)?.text ?? readSource(path, this.#typescript);
  }

  /** The format of a file; undefined where its syntax decides. */
  formatOf(path: string): Format | undefined {
    const source = this.hooks.source(path);
    return source ? source.format : formatOf(path);
  }

  #readModule(path: string): string {
    const source = this.read(path);
    return this.#typescript && !path.includes('/node_modules/') ? withCommonJsNames(source) : source;
  }

  /** Runs a program's main file. Resolves when its statements have run, with those of a top-level `await`. */
  async runMain(path: string): Promise<void> {
    const real = String(fs.realpathSync(path));
    this.mainPath = real;
    const format = formatOf(real);
    if (format === 'module' || this.hooks.wait) {
      await this.importPath(real);
      return;
    }
    try {
      this.Module._load(real, null, true);
    } catch (error) {
      if (format !== undefined || !(error as { isModule?: boolean }).isModule) throw error;
      await this.importPath(real);
    }
  }

  /** `import(specifier)` from a file. */
  async import(specifier: string, from: string): Promise<object> {
    if (this.hooks.wait) await this.task.holdFor(this.hooks.prepare(specifier, from));
    const module = specifier.startsWith('data:') ? this.#data(specifier) : this.#resolve(specifier, from);
    return this.#evaluate(module);
  }

  async importPath(path: string): Promise<object> {
    if (this.hooks.wait) await this.task.holdFor(this.hooks.prepare(pathToFileURL(path).href, undefined));
    return this.#evaluate(this.#load(path));
  }

  /** Runs a source as the ES module that a path would name, of which there is no file. */
  async importSource(source: string, path: string): Promise<object> {
    return this.#evaluate(this.#esModule(compileModule(source, path), pathToFileURL(path).href, path));
  }

  /**
   * `require()` of an ES module.
   *
   * @throws Error with code ERR_REQUIRE_ASYNC_MODULE when it or a module it imports has a top-level `await`
   */
  requireModule(path: string): unknown {
    const module = this.#load(path);
    const order = pending(module);
    const waiting = order.find(({ async }) => async);
    if (waiting) {
      throw failure(
        'ERR_REQUIRE_ASYNC_MODULE',
        `require() cannot be used on an ESM graph with top-level await. ${waiting.url}`,
      );
    }
    for (const next of order) {
      runModule(next);
      if (next.failed) throw next.failed.error;
    }
    const { namespace } = module;
    if ('module.exports' in namespace) return namespace['module.exports'];
    if (!('default' in namespace) || '__esModule' in namespace) return namespace;
    return Object.defineProperties({ __proto__: null, __esModule: true }, Object.getOwnPropertyDescriptors(namespace));
  }

  /**
   * `register` of `node:module`: adds a module of hooks, which has instances of its own of what it imports.
   *
   * @param from absolute path of the file that its specifier is seen from
   * @param data for its `initialize`
   * @throws Error when there is no such module
   */
  register(specifier: string, from: string, data: unknown): void {
    this.#hooksLoader ??= new Loader(this.task, this.builtin, { typescript: this.#typescript });
    const loader = this.#hooksLoader;
    if (!specifier.startsWith('data:')) loader.find(specifier, from, 'import');
    const start = async (): Promise<HooksModule> => {
      const hooks = (await loader.import(specifier, from)) as HooksModule;
      await hooks.initialize?.(data);
      return hooks;
    };
    this.hooks.registerModule(this.task.holdFor(start()));
  }

  /** The `import()` of one file. */
  importer(from: string): (specifier: unknown) => Promise<object> {
    return (specifier) => {
      try {
        return this.import(String(specifier), from);
      } catch (error) {
        return Promise.reject(error);
      }
    };
  }

  #resolve(specifier: string, from: string): Module {
    const query = /^(?:\.{0,2}\/|file:)[^?#]*([?#].*)$/.exec(specifier)?.[1] ?? '';
    const path = this.find(specifier, from, 'import');
    return path.startsWith('node:') ? this.#builtin(path) : this.#load(path, query);
  }

  /** A query makes it another module of the same file. */
  #load(path: string, query = ''): Module {
    const url = (path.startsWith('/') ? pathToFileURL(path).href : path) + query;
    const known = this.#modules.get(url);
    if (known) return known;
    const format = this.formatOf(path);
    switch (format) {
      case 'module':
        return this.#esModule(compileModule(this.#readModule(path), path), url, path);
      case 'commonjs':
        return this.#commonJs(url, path);
      case 'json':
        return this.#synthetic(url, () => ({
          default: JSON.parse(this.hooks.source(path)?.text ?? String(fs.readFileSync(path, 'utf8'))),
        }));
      case undefined:
        return this.#ambiguous(url, path);
      default:
        throw failure('ERR_UNKNOWN_FILE_EXTENSION', `Unknown file extension of ${path}`, TypeError);
    }
  }

  #ambiguous(url: string, path: string): Module {
    try {
      this.Module.compile(this.read(path), path);
    } catch (error) {
      if (!looksLikeModule(error)) throw error;
      return this.#esModule(compileModule(this.#readModule(path), path), url, path);
    }
    return this.#commonJs(url, path);
  }

  #commonJs(url: string, path: string): Module {
    return this.#synthetic(url, () => {
      const exports: unknown = this.Module._load(path, null, false);
      if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null)
        return { default: exports };
      return { ...propertiesOf(exports), default: exports, 'module.exports': exports };
    });
  }

  #builtin(url: string): Module {
    return (
      this.#modules.get(url) ??
      this.#synthetic(url, () => {
        const exports = this.builtin(url.slice('node:'.length)) as object;
        return { ...propertiesOf(exports), default: exports };
      })
    );
  }

  #data(url: string): Module {
    const known = this.#modules.get(url);
    if (known) return known;
    const [, type = '', base64, body = ''] = /^data:([^;,]*)[^,]*?(;base64)?,(.*)$/s.exec(url) ?? [];
    const source = base64 ? Buffer.from(body, 'base64').toString() : decodeURIComponent(body);
    if (type === 'application/json') return this.#synthetic(url, () => ({ default: JSON.parse(source) }));
    return this.#esModule(compileModule(source, url), url, '/');
  }

  #synthetic(url: string, load: () => Record<string, unknown>): Module {
    const namespace = createNamespace();
    const module: Module = {
      url,
      namespace,
      state: 'linked',
      async: false,
      dependencies: [],
      run: () => {
        for (const [name, value] of Object.entries(load())) {
          Object.defineProperty(namespace, name, { value, enumerable: true, writable: true });
        }
        return undefined;
      },
    };
    this.#modules.set(url, module);
    return module;
  }

  #esModule(compiled: CompiledModule, url: string, path: string): Module {
    const namespace = createNamespace();
    const module: Module = {
      url,
      namespace,
      state: 'linked',
      async: compiled.async,
      dependencies: [],
      run: () => undefined,
    };
    this.#modules.set(url, module);
    try {
      module.dependencies = compiled.requests.map(({ specifier }) =>
        specifier.startsWith('data:') ? this.#data(specifier) : this.#resolve(specifier, path),
      );
      this.#link(module, compiled, path);
    } catch (error) {
      this.#modules.delete(url);
      throw error;
    }
    return module;
  }

  #link(module: Module, compiled: CompiledModule, path: string): void {
    const { namespace, dependencies } = module;
    const of = (request: number): Module => dependencies[request] as Module;
    const getters = new Map<string, () => unknown>();
    const steps = compiled.run(
      this.#meta(module, path),
      this.importer(path),
      (own) => {
        for (const [name, get] of Object.entries(own)) getters.set(name, get);
      },
      ...dependencies.map((dependency) => dependency.namespace),
    );
    // To the point where functions and exports are there, before any module of the graph runs.
    const started = steps.next();

    const stars: Module[] = [];
    for (const { exported, imported, request } of compiled.reexports) {
      const source = of(request);
      if (exported === null) stars.push(source);
      else {
        getters.set(exported, () => (imported === null ? source.namespace : Reflect.get(source.namespace, imported)));
      }
    }
    /** Names that `export *` adds; of some modules only evaluation tells them, so this is repeated before this one runs. */
    const addStars = () => {
      for (const source of stars) {
        for (const name of source.names ?? Object.keys(source.namespace)) {
          if (name !== 'default' && !getters.has(name)) getters.set(name, () => Reflect.get(source.namespace, name));
        }
      }
      // In the order of their names: section 10.4.6 (Module Namespace Exotic Objects).
      for (const [name, get] of [...getters].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (!Object.hasOwn(namespace, name)) Object.defineProperty(namespace, name, { get, enumerable: true });
      }
    };
    addStars();
    const names = new Set(getters.keys());
    if (stars.every((source) => source.names !== undefined)) module.names = names;
    for (const { request, name } of compiled.imports) {
      const known = of(request).names;
      if (known && !known.has(name)) {
        throw new SyntaxError(
          `The requested module '${compiled.requests[request]?.specifier}' does not provide an export named '${name}' (imported by ${path})`,
        );
      }
    }
    module.run = () => {
      addStars();
      if (!compiled.async) {
        (steps as Generator).next();
        return undefined;
      }
      return Promise.resolve(started).then(async () => {
        await steps.next();
      });
    };
  }

  #meta(module: Module, path: string): object {
    const meta = {
      dirname: dirname(path),
      filename: path,
      main: path === this.mainPath,
      resolve: (specifier: string) => {
        const found = this.find(specifier, path, 'import');
        return found.startsWith('/') ? pathToFileURL(found).href : found;
      },
      url: module.url,
    };
    return Object.setPrototypeOf(meta, null);
  }

  async #evaluate(module: Module): Promise<object> {
    for (const next of pending(module)) {
      if (next.running) await next.running.catch(() => {});
      else {
        runModule(next);
        if (next.running) await (next.running as Promise<void>).catch(() => {});
      }
      if (next.failed) throw next.failed.error;
    }
    return module.namespace;
  }
}

/** The modules below one that have still to run, in the order they run in: each after what it imports. */
function pending(module: Module): Module[] {
  const order: Module[] = [];
  const seen = new Set<Module>();
  const visit = (next: Module) => {
    if (seen.has(next) || (next.state === 'done' && !next.failed)) return;
    seen.add(next);
    for (const dependency of next.dependencies) visit(dependency);
    order.push(next);
  };
  visit(module);
  return order;
}

function runModule(module: Module): void {
  if (module.state !== 'linked') return;
  module.state = 'running';
  try {
    module.running = module.run();
  } catch (error) {
    module.failed = { error };
  }
  if (module.running === undefined) module.state = 'done';
  else {
    module.running = module.running.then(
      () => {
        module.state = 'done';
        module.running = undefined;
      },
      (error: unknown) => {
        module.failed = { error };
        module.state = 'done';
        module.running = undefined;
      },
    );
  }
}

function createNamespace(): object {
  return Object.defineProperty(Object.create(null), Symbol.toStringTag, { value: 'Module' });
}

/** Own properties as plain values: the enumerable ones, and the static methods of a class. */
function propertiesOf(exports: object): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  const names = typeof exports === 'function' ? Object.getOwnPropertyNames(exports) : Object.keys(exports);
  for (const name of names) {
    if (typeof exports === 'function' && /^(prototype|length|name|arguments|caller)$/.test(name)) continue;
    try {
      properties[name] = Reflect.get(exports, name);
    } catch {
      // As Node does: the name is there, its value is not.
      properties[name] = undefined;
    }
  }
  return properties;
}
