/** Hooks of a program's own into how its modules are found and read: `registerHooks` of `node:module`. */
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

/** What Node itself does, where no hook says otherwise. */
export interface Defaults {
  /** @returns an absolute path, or `node:` and the name of a builtin */
  find(specifier: string, from: string, way: Way): string;
  formatOf(path: string): Format | undefined;
  read(path: string): string;
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
    if (!this.#registered.some(({ resolve }) => resolve)) return this.#defaults.find(specifier, from, way);
    const parentURL = urlOf(from);
    const ask = (index: number, asked: string, context: ResolveContext): Resolution => {
      const hook = this.#registered.slice(0, index).findLastIndex(({ resolve }) => resolve);
      if (hook < 0) {
        const found = this.#defaults.find(asked, pathOf(context.parentURL ?? parentURL), way);
        return {
          url: urlOf(found),
          format: found.startsWith('node:') ? 'builtin' : (this.#defaults.formatOf(found) ?? null),
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
    const source = { format: plainFormat(loaded.format), text: textOf(loaded.source) };
    this.#sources.set(place, source);
    return source;
  }

  #default(url: string, { format }: LoadContext): Loaded {
    if (!url.startsWith('file:')) {
      throw failure(
        'ERR_UNSUPPORTED_ESM_URL_SCHEME',
        `Only URLs with a scheme in: file, data, and node are supported by the default ESM loader. Received protocol '${url.split(':')[0]}:'`,
      );
    }
    const path = fileURLToPath(url);
    return { format: format ?? this.#defaults.formatOf(path) ?? null, source: this.#defaults.read(path) };
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

/** Types are stripped where a source is read. */
const plainFormat = (format: string | null | undefined): Format | undefined =>
  format ? (format.replace(/-typescript$/, '') as Format) : undefined;

function textOf(source: Loaded['source']): string {
  if (typeof source === 'string') return source;
  if (source === null || source === undefined) return '';
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return new TextDecoder().decode(bytes);
}
