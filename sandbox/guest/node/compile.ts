/** Source text to functions. What was compiled is kept for all tasks of the machine: it is bound to none of them. */
import { init, parse as lex } from 'es-module-lexer/js';
import { fs } from '../tree.ts';
import { type ModuleRecord, transformModule } from './esm.ts';
import { failure } from './resolve.ts';

export type ImportFunction = (specifier: unknown, options?: unknown) => Promise<unknown>;
export type CommonJsFunction = (
  this: unknown,
  exports: unknown,
  require: unknown,
  module: unknown,
  filename: string,
  dirname: string,
  importFunction: ImportFunction,
) => unknown;
export type ModuleFunction = (
  meta: object,
  importFunction: ImportFunction,
  exportGetters: (getters: Record<string, () => unknown>) => void,
  ...requests: object[]
) => Generator<void, void> | AsyncGenerator<void, void>;
export type CompiledModule = ModuleRecord & { run: ModuleFunction };

await init;

const commonJs = new Map<string, { source: string; run: CommonJsFunction }>();
const modules = new Map<string, { source: string; compiled: CompiledModule }>();

/** Compiles in the global scope, under a name that stack traces show. */
export function evaluate(code: string, name: string): unknown {
  // biome-ignore lint/security/noGlobalEval: running the build's JavaScript is what the machine is for
  // biome-ignore lint/complexity/noCommaOperator: an indirect eval has no access to the scope here
  return (0, eval)(`${code}\n//# sourceURL=${name}`);
}

/**
 * Reads a file's source, with types stripped from TypeScript.
 *
 * @param all whether syntax that is more than types, such as `enum`, is compiled too
 */
export function readSource(path: string, all = false): string {
  const text = readText(path);
  return /\.[cm]?ts$/.test(path) ? stripTypes(text, path, all) : text;
}

/** Reads a file's text as it is. */
export function readText(path: string): string {
  const source = String(fs.readFileSync(path, 'utf8'));
  return source.charCodeAt(0) === 0xfeff ? source.slice(1) : source;
}

/** The specifiers that a source imports statically, where it is a module. */
export function staticRequests({ format, text }: { format: string | undefined; text: string }, path: string): string[] {
  if (format === 'module') return compileModule(text, path).requests.map(({ specifier }) => specifier);
  if (format !== undefined) return [];
  try {
    compileCommonJs(text, path);
    return [];
  } catch (error) {
    if (!looksLikeModule(error)) return [];
    return compileModule(text, path).requests.map(({ specifier }) => specifier);
  }
}

/** @throws SyntaxError with code ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX or ERR_INVALID_TYPESCRIPT_SYNTAX */
export function stripTypes(source: string, path: string, all = false): string {
  // Loaded on first use: it carries a compiler.
  const amaro: typeof import('amaro') = require('amaro');
  try {
    return amaro.transformSync(source, { mode: 'strip-only', filename: path }).code;
  } catch (thrown) {
    const { code, message } = thrown as { code?: string; message?: string };
    if (all && code === 'UnsupportedSyntax') {
      return amaro.transformSync(source, { mode: 'transform', filename: path, sourceMap: false }).code;
    }
    throw failure(
      code === 'UnsupportedSyntax' ? 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' : 'ERR_INVALID_TYPESCRIPT_SYNTAX',
      `${path}: ${message}`,
      SyntaxError,
    );
  }
}

/** @throws SyntaxError */
export function compileCommonJs(source: string, path: string): CommonJsFunction {
  const cached = commonJs.get(path);
  if (cached?.source === source) return cached.run;
  const body = redirectImports(source.startsWith('#!') ? `//${source.slice(2)}` : source);
  const run = evaluate(
    `(function(exports,require,module,__filename,__dirname,$import){${body}\n})`,
    path,
  ) as CommonJsFunction;
  commonJs.set(path, { source, run });
  return run;
}

/** @throws SyntaxError */
export function compileModule(source: string, path: string): CompiledModule {
  const cached = modules.get(path);
  if (cached?.source === source) return cached.compiled;
  let record: ModuleRecord;
  try {
    record = transformModule(source);
  } catch (error) {
    if (error instanceof SyntaxError) error.message = `${path}: ${error.message}`;
    throw error;
  }
  const compiled = { ...record, run: evaluate(record.code, path) as ModuleFunction };
  modules.set(path, { source, compiled });
  return compiled;
}

/** Replaces `import(` by a call of ours: the engine's own knows nothing of the tree. */
function redirectImports(source: string): string {
  if (!/\bimport\s*\(/.test(source)) return source;
  let imports: ReturnType<typeof lex>[0];
  try {
    [imports] = lex(source);
  } catch {
    return source;
  }
  let result = '';
  let position = 0;
  for (const found of imports) {
    if (found.type !== 'dynamic') continue;
    result += `${source.slice(position, found.importStart)}$import`;
    position = found.importStart + 'import'.length;
  }
  return result + source.slice(position);
}

/** Whether a syntax error of the CommonJS compiler means that the file is an ES module. */
export function looksLikeModule(error: unknown): boolean {
  return (
    error instanceof SyntaxError &&
    /Cannot use import statement|Unexpected token 'export'|Cannot use 'import\.meta'|await is only valid|Unexpected identifier|Unexpected strict mode/.test(
      error.message,
    )
  );
}
