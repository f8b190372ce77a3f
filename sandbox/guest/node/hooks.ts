/**
 * Hooks of a program's own into how its modules are found and read: `registerHooks` and `register` of `node:module`
 * ("Customization Hooks").
 *
 * Those of `register` may be asynchronous. In Node they run in a thread that the program waits for; here they run before
 * a graph of modules is loaded, for each of its modules, and what they said is kept for when it is. So they see what
 * `import` asks for, and not what `require` does.
 */
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Format, Way } from './resolve.ts';
import { failure } from './resolve.ts';

interface Resolution {
  url: string;
  format?: string | null;
  shortCircuit?: boolean;
}

interface Loaded {
  format?: string | null;
  source?: string | ArrayBuffer | ArrayBufferView | null;
  shortCircuit?: boolean;
}

interface ResolveContext {
  conditions: string[];
  importAttributes: Record<string, string>;
  parentURL: string | undefined;
}

interface LoadContext {
  conditions: string[];
  importAttributes: Record<string, string>;
  format: string | null | undefined;
}

export interface ModuleHooks {
  resolve?(
    specifier: string,
    context: ResolveContext,
    next: (specifier: string, context?: Partial<ResolveContext>) => Resolution,
  ): Resolution;
  load?(url: string, context: LoadContext, next: (url: string, context?: Partial<LoadContext>) => Loaded): Loaded;
}

type Later<Value> = Value | Promise<Value>;

/** What a module that `register` names exports. */
export interface HooksModule {
  initialize?(data: unknown): unknown;
  resolve?(
    specifier: string,
    context: ResolveContext,
    next: (specifier: string, context?: Partial<ResolveContext>) => Promise<Resolution>,
  ): Later<Resolution>;
  load?(
    url: string,
    context: LoadContext,
    next: (url: string, context?: Partial<LoadContext>) => Promise<Loaded>,
  ): Later<Loaded>;
}

/** What Node itself does, where no hook says otherwise. */
export interface Defaults {
  /** @returns an absolute path, or `node:` and the name of a builtin */
  find(specifier: string, from: string, way: Way): string;
  formatOf(path: string): Format | undefined;
  /** The text of a file as it is. */
  read(path: string): string;
  /** TypeScript without its types. */
  strip(text: string, path: string): string;
  /** What a module imports statically; nothing where the text is no module. */
  requests(source: Source, path: string): string[];
}

export interface Source {
  format: Format | undefined;
  text: string;
}

const CONDITIONS: Record<Way, string[]> = {
  import: ['node', 'import', 'module-sync', 'node-addons'],
  require: ['node', 'require', 'module-sync', 'node-addons'],
};

/** The hooks of one program, in the order in which they were registered: the last is asked first. */
export class Hooks {
  readonly #registered: ModuleHooks[] = [];
  /** Modules of `register`, which come while the program goes on. */
  readonly #coming: Promise<HooksModule>[] = [];
  /** What the hooks of `register` found, by importer and specifier. */
  readonly #finding = new Map<string, Promise<string>>();
  readonly #places = new Map<string, string>();
  /** What they made of modules, by path or URL. */
  readonly #making = new Map<string, Promise<string[]>>();
  readonly #made = new Map<string, Source>();
  readonly #defaults: Defaults;
  /** What `resolve` hooks say of the format of a module, by its path or URL. */
  readonly #formats = new Map<string, string>();
  readonly #sources = new Map<string, Source>();

  constructor(defaults: Defaults) {
    this.#defaults = defaults;
  }

  register(hooks: ModuleHooks): { deregister(): void } {
    this.#registered.push(hooks);
    return {
      deregister: () => {
        const index = this.#registered.indexOf(hooks);
        if (index >= 0) this.#registered.splice(index, 1);
      },
    };
  }

  /**
   * Finds what a specifier means.
   *
   * @param from absolute path of the importing file, or its URL where it has no file
   * @returns an absolute path, `node:` and a name, or the URL of what has no file
   */
  find(specifier: string, from: string, way: Way): string {
    const prepared = way === 'import' ? this.#places.get(keyOf(specifier, from)) : undefined;
    return prepared ?? this.#findAtOnce(specifier, from, way);
  }

  #findAtOnce(specifier: string, from: string, way: Way): string {
    if (!this.#registered.some(({ resolve }) => resolve)) return this.#defaults.find(specifier, from, way);
    const parentURL = urlOf(from);
    const ask = (index: number, asked: string, context: ResolveContext): Resolution => {
      const hook = this.#registered.slice(0, index).findLastIndex(({ resolve }) => resolve);
      if (hook < 0) {
        const found = this.#defaults.find(asked, pathOf(context.parentURL ?? parentURL), way);
        return {
          url: urlOf(found),
          format: this.#formatOf(found),
        };
      }
      let wentOn = false;
      const answer = this.#registered[hook]?.resolve?.(asked, context, (next, changed = {}) => {
        wentOn = true;
        return ask(hook, next, { ...context, ...changed });
      });
      return checked(answer, wentOn, 'resolve', ({ url }) => typeof url === 'string');
    };
    const context = { conditions: CONDITIONS[way], importAttributes: {}, parentURL };
    const { url, format } = ask(this.#registered.length, specifier, context);
    const place = pathOf(url);
    if (format) this.#formats.set(place, format);
    return place;
  }

  /**
   * What hooks make of a module.
   *
   * @returns undefined where there are none
   */
  source(place: string): Source | undefined {
    return this.#made.get(place) ?? this.#sourceAtOnce(place);
  }

  #sourceAtOnce(place: string): Source | undefined {
    if (!this.#registered.some(({ load }) => load)) return undefined;
    const known = this.#sources.get(place);
    if (known) return known;
    const ask = (index: number, url: string, context: LoadContext): Loaded => {
      const hook = this.#registered.slice(0, index).findLastIndex(({ load }) => load);
      if (hook < 0) return this.#default(url, context);
      let wentOn = false;
      const answer = this.#registered[hook]?.load?.(url, context, (next, changed = {}) => {
        wentOn = true;
        return ask(hook, next, { ...context, ...changed });
      });
      return checked(answer, wentOn, 'load', () => true);
    };
    const format = this.#formats.get(place);
    const context = { conditions: CONDITIONS.import, importAttributes: {}, format };
    const loaded = ask(this.#registered.length, urlOf(place), context);
    const source = this.#sourceOf(loaded, place);
    this.#sources.set(place, source);
    return source;
  }

  /** Whether there are hooks of `register`. */
  get wait(): boolean {
    return this.#coming.length > 0;
  }

  /** Adds a module of hooks; it is waited for before the next `import()`. */
  registerModule(coming: Promise<HooksModule>): void {
    this.#coming.push(coming);
  }

  /**
   * Lets the hooks of `register` see a module and all that it imports statically, before it is loaded.
   *
   * @param from as for `find`; undefined for a program's main module
   */
  async prepare(specifier: string, from: string | undefined): Promise<void> {
    const modules = await Promise.all(this.#coming);
    const seen = new Set<string>();
    const visit = async (asked: string, importer: string | undefined): Promise<void> => {
      if (asked.startsWith('data:')) return;
      const key = keyOf(asked, importer ?? '');
      const place = await once(this.#finding, key, () => this.#findInTurn(modules, asked, importer));
      this.#places.set(key, place);
      if (place.startsWith('node:') || seen.has(place)) return;
      seen.add(place);
      const requests = await once(this.#making, place, () => this.#make(modules, place));
      await Promise.all(requests.map((request) => visit(request, place)));
    };
    await visit(specifier, from);
  }

  /** @returns what the module imports statically */
  async #make(modules: readonly HooksModule[], place: string): Promise<string[]> {
    const source = this.#sourceOf(await this.#loadInTurn(modules, place), place);
    this.#made.set(place, source);
    return this.#defaults.requests(source, place);
  }

  async #findInTurn(modules: readonly HooksModule[], specifier: string, from: string | undefined): Promise<string> {
    const parentURL = from === undefined ? undefined : urlOf(from);
    const ask = async (index: number, asked: string, context: ResolveContext): Promise<Resolution> => {
      const hook = modules.slice(0, index).findLastIndex(({ resolve }) => resolve);
      if (hook < 0) {
        const found = this.#findAtOnce(asked, pathOf(context.parentURL ?? 'file:///'), 'import');
        return { url: urlOf(found), format: this.#formats.get(found) ?? this.#formatOf(found) };
      }
      let wentOn = false;
      const answer = await modules[hook]?.resolve?.(asked, context, async (next, changed = {}) => {
        wentOn = true;
        return ask(hook, next, { ...context, ...changed });
      });
      return checked(answer, wentOn, 'resolve', ({ url }) => typeof url === 'string');
    };
    const context = { conditions: CONDITIONS.import, importAttributes: {}, parentURL };
    const { url, format } = await ask(modules.length, specifier, context);
    const place = pathOf(url);
    if (format) this.#formats.set(place, format);
    return place;
  }

  #loadInTurn(modules: readonly HooksModule[], place: string): Promise<Loaded> {
    const ask = async (index: number, url: string, context: LoadContext): Promise<Loaded> => {
      const hook = modules.slice(0, index).findLastIndex(({ load }) => load);
      if (hook < 0) {
        const made = this.#sourceAtOnce(pathOf(url));
        return made
          ? { format: context.format ?? made.format ?? null, source: made.text }
          : this.#default(url, context);
      }
      let wentOn = false;
      const answer = await modules[hook]?.load?.(url, context, async (next, changed = {}) => {
        wentOn = true;
        return ask(hook, next, { ...context, ...changed });
      });
      return checked(answer, wentOn, 'load', () => true);
    };
    const context = { conditions: CONDITIONS.import, importAttributes: {}, format: this.#formats.get(place) };
    return ask(modules.length, urlOf(place), context);
  }

  /** The format of a file as hooks are told it. */
  #formatOf(place: string): string | null {
    if (place.startsWith('node:')) return 'builtin';
    const extension = extname(place);
    if (!KNOWN.test(extension)) return null;
    const format = this.#defaults.formatOf(place) ?? null;
    return format !== null && TYPESCRIPT.test(extension) ? `${format}-typescript` : format;
  }

  #sourceOf({ format, source }: Loaded, place: string): Source {
    const text = source === null || source === undefined ? this.#defaults.read(place) : textOf(source);
    const typed = format?.endsWith('-typescript') || (!format && TYPESCRIPT.test(extname(place)));
    return {
      format: format ? (format.replace(/-typescript$/, '') as Format) : undefined,
      text: typed ? this.#defaults.strip(text, place) : text,
    };
  }

  #default(url: string, { format }: LoadContext): Loaded {
    if (!url.startsWith('file:')) {
      throw failure(
        'ERR_UNSUPPORTED_ESM_URL_SCHEME',
        `Only URLs with a scheme in: file, data, and node are supported by the default ESM loader. Received protocol '${url.split(':')[0]}:'`,
      );
    }
    const path = fileURLToPath(url);
    return { format: format ?? this.#formatOf(path), source: this.#defaults.read(path) };
  }
}

/** A hook has to go on to the next one, or say that it does not. */
function checked<Answer extends { shortCircuit?: boolean }>(
  answer: Answer | undefined,
  wentOn: boolean,
  name: string,
  isWhole: (answer: Answer) => boolean,
): Answer {
  if (typeof answer !== 'object' || answer === null || !isWhole(answer)) {
    throw failure(
      'ERR_INVALID_RETURN_PROPERTY_VALUE',
      `Expected an object to be returned from the "${name}" hook.`,
      TypeError,
    );
  }
  if (wentOn || answer.shortCircuit) return answer;
  throw failure(
    'ERR_INVALID_RETURN_PROPERTY_VALUE',
    `Expected true to be returned for the "shortCircuit" from the "${name}" hook function but got undefined.`,
    TypeError,
  );
}

const urlOf = (place: string): string => (place.startsWith('/') ? pathToFileURL(place).href : place);
const pathOf = (url: string): string => (url.startsWith('file:') ? fileURLToPath(url) : url);

/** Does a thing once for each key, unless it failed. */
function once<Value>(known: Map<string, Promise<Value>>, key: string, work: () => Promise<Value>): Promise<Value> {
  const before = known.get(key);
  if (before) return before;
  const under = work();
  known.set(key, under);
  under.catch(() => known.delete(key));
  return under;
}

const keyOf = (specifier: string, from: string): string => `${from}\0${specifier}`;
/** Extensions that have a format. */
const KNOWN = /^(|\.[cm]?[jt]s|\.json|\.node|\.wasm)$/;
const TYPESCRIPT = /^\.[cm]?ts$/;

function textOf(source: string | ArrayBuffer | ArrayBufferView): string {
  if (typeof source === 'string') return source;
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return new TextDecoder().decode(bytes);
}
