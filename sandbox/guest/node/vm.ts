/**
 * `node:vm` as far as build tools need it. There is one set of intrinsics: a context is an object whose properties are
 * seen as globals, not a realm of its own.
 */
import { evaluate } from './compile.ts';

type Context = Record<PropertyKey, unknown>;
type Options = string | { filename?: string } | undefined;

const contexts = new WeakSet<object>();
const nameOf = (options: Options): string =>
  (typeof options === 'string' ? options : options?.filename) ?? 'evalmachine.<anonymous>';

/** Names that a script may assign without declaring them, and others that look so. */
const ASSIGNED = /(?<![\w$.])([A-Za-z_$][\w$]*)\s*=(?![=>])/g;

/**
 * Names are looked up in the context first, and assignments go to it, as with the global object of a realm. What neither
 * it nor the global object has is left to the engine, which knows `typeof` of an unknown name from its value.
 */
function runIn(code: string, context: Context, name: string): unknown {
  const assigned = new Set([...code.matchAll(ASSIGNED)].map(([, found]) => found));
  const scope = new Proxy(context, {
    has: (target, key) =>
      key !== '$code' &&
      key !== 'eval' &&
      (key in target || key in globalThis || (typeof key === 'string' && assigned.has(key))),
    get: (target, key) => {
      if (key === Symbol.unscopables) return undefined;
      if (key === 'globalThis') return target;
      const value: unknown = key in target ? target[key] : Reflect.get(globalThis, key);
      return isEngineFunction(value, key) ? boundToGlobal(value) : value;
    },
  });
  // Declarations of a script become properties of its global object: `var` and functions are hoisted into the context.
  const run = evaluate(
    '(function($scope,$code){with($scope){return (function(){return eval($code)}).call(globalThis)}})',
    'node:vm',
  ) as (scope: object, code: string) => unknown;
  return run(scope, `${hoist(code)}\n//# sourceURL=${name}`);
}

/** Turns the first word of top-level declarations into assignments where that is plainly safe. */
function hoist(code: string): string {
  return code.replace(/^var (?=[\w$]+ ?=)/gm, '');
}

type AnyFunction = (...parameters: unknown[]) => unknown;

/** Functions of the engine mind what they are called on, and what is called by a name of the context is called on that. */
const isEngineFunction = (value: unknown, key: PropertyKey): value is AnyFunction =>
  typeof value === 'function' && !Object.hasOwn(value, 'prototype') && value === Reflect.get(globalThis, key);

const bound = new WeakMap<AnyFunction, AnyFunction>();

function boundToGlobal(value: AnyFunction): AnyFunction {
  const known = bound.get(value) ?? value.bind(globalThis);
  bound.set(value, known);
  return known;
}

export function createVm(): Record<string, unknown> {
  const createContext = (context: Context = {}): Context => {
    contexts.add(context);
    return context;
  };
  const runInThisContext = (code: string, options?: Options): unknown => evaluate(code, nameOf(options));

  class Script {
    readonly #code: string;
    readonly #name: string;

    constructor(code: string, options?: Options) {
      this.#code = code;
      this.#name = nameOf(options);
      // A syntax error shows when the script is made, not when it runs.
      evaluate(`(function(){${code.replace(/^#!.*/, '')}\n})`, this.#name);
    }

    runInThisContext(): unknown {
      return runInThisContext(this.#code, this.#name);
    }

    runInContext(context: Context): unknown {
      return runIn(this.#code, context, this.#name);
    }

    runInNewContext(context: Context = {}): unknown {
      return runIn(this.#code, context, this.#name);
    }

    createCachedData(): Buffer {
      return Buffer.alloc(0);
    }
  }

  return {
    Script,
    createScript: (code: string, options?: Options) => new Script(code, options),
    createContext,
    isContext: (context: object) => contexts.has(context),
    runInThisContext,
    runInContext: (code: string, context: Context, options?: Options) => runIn(code, context, nameOf(options)),
    runInNewContext: (code: string, context: Context = {}, options?: Options) => runIn(code, context, nameOf(options)),
    compileFunction: (code: string, parameters: string[] = [], options?: Options) =>
      evaluate(`(function(${parameters.join(',')}){${code}\n})`, nameOf(options)),
    measureMemory: async () => ({}),
    constants: { USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol('default loader'), DONT_CONTEXTIFY: Symbol('plain') },
  };
}
