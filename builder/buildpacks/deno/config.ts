/** deno.json ("Deno configuration", Deno manual), as far as it says what an app is made of. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TsconfigRaw } from 'esbuild';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import * as z from 'zod';
import { BuildFailure } from '../../failure.ts';
import { isInside } from '../../paths.ts';

const strings = z.record(z.string(), z.string());

const denoConfig = z.looseObject({
  imports: strings.default({}),
  scopes: z.record(z.string(), strings).default({}),
  /** The file of an import map, in place of the two above. */
  importMap: z.string().optional(),
  tasks: z.record(z.string(), z.union([z.string(), z.looseObject({ command: z.string().optional() })])).default({}),
  compilerOptions: z.record(z.string(), z.unknown()).default({}),
  unstable: z.array(z.string()).default([]),
});

const importMap = z.looseObject({ imports: strings.default({}), scopes: z.record(z.string(), strings).default({}) });

/** What is mapped where ("Import maps", HTML). */
export type ImportMap = z.infer<typeof importMap>;

export interface DenoConfig {
  /** Its path in the tree; undefined where there is none. */
  file: string | undefined;
  map: ImportMap;
  /** Name to command. */
  tasks: Record<string, string>;
  /** Of `compilerOptions`, what changes the code that comes out. */
  tsconfig: TsconfigRaw;
}

export const CONFIGS = ['deno.json', 'deno.jsonc'];

/** How TypeScript's settings are called that esbuild knows, and what Deno has where they are not set. */
const JSX = 'react';
const OPTIONS = ['jsx', 'jsxFactory', 'jsxFragmentFactory', 'jsxImportSource', 'experimentalDecorators'];

/**
 * @param tree absolute path of the app
 * @param named a file that the start command names by `--config`, and one by `--import-map`
 * @throws BuildFailure when it cannot be read
 */
export async function readDenoConfig(
  tree: string,
  named: { config?: string | undefined; importMap?: string | undefined } = {},
): Promise<DenoConfig> {
  const places = named.config === undefined ? CONFIGS : [named.config];
  for (const file of places) {
    const value = await read(tree, file);
    if (value === undefined) continue;
    const config = checked(denoConfig, value, file);
    const mapFile = named.importMap ?? config.importMap;
    const map = mapFile === undefined ? config : await readImportMap(tree, mapFile);
    const tasks = Object.entries(config.tasks).flatMap(([name, task]) => {
      const command = typeof task === 'string' ? task : task.command;
      return command === undefined ? [] : [[name, command] as const];
    });
    const options = Object.entries({ jsx: JSX, ...config.compilerOptions });
    const compilerOptions = Object.fromEntries(
      options
        .filter(([name]) => OPTIONS.includes(name))
        // Precompiled templates are a way to the same result.
        .map(([name, value]: [string, unknown]) => [name, value === 'precompile' ? 'react-jsx' : value]),
    );
    return {
      file,
      map: { imports: map.imports, scopes: map.scopes },
      tasks: Object.fromEntries(tasks),
      tsconfig: { compilerOptions },
    };
  }
  if (named.config !== undefined) throw new BuildFailure(`The command names ${named.config}, which is not there.`);
  const map = named.importMap === undefined ? { imports: {}, scopes: {} } : await readImportMap(tree, named.importMap);
  return { file: undefined, map, tasks: {}, tsconfig: { compilerOptions: { jsx: JSX } } };
}

async function readImportMap(tree: string, file: string): Promise<ImportMap> {
  const value = await read(tree, file);
  if (value === undefined) throw new BuildFailure(`The import map ${file} is not there.`);
  return checked(importMap, value, file);
}

function checked<Form extends z.ZodType>(form: Form, value: unknown, file: string): z.infer<Form> {
  const parsed = form.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BuildFailure(`${file} is wrong at ${issue?.path.join('.') || 'its root'}: ${issue?.message}.`);
}

/** @returns undefined where there is no such file */
async function read(tree: string, file: string): Promise<unknown> {
  if (!isInside(tree, join(tree, file))) throw new BuildFailure(`${file} is outside of the app.`);
  const text = await readFile(join(tree, file), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (!error) return value;
  const line = text.slice(0, error.offset).split('\n').length;
  throw new BuildFailure(`${file} cannot be read: ${printParseErrorCode(error.error)} in line ${line}.`);
}
