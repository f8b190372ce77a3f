import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TsconfigRaw } from 'esbuild';
import { parse } from 'jsonc-parser';

/** Of TypeScript's settings, those that change what a file does when it runs ("TSConfig Reference"). */
const settings = ['experimentalDecorators', 'useDefineForClassFields'] as const;

/**
 * What an app's tsconfig.json says of how its TypeScript behaves. Nothing that it extends is read: that may be anywhere.
 *
 * @param tree absolute path of the app
 */
export function readTsconfig(tree: string): TsconfigRaw {
  let text = '';
  try {
    text = readFileSync(join(tree, 'tsconfig.json'), 'utf8');
  } catch {
    return {};
  }
  const given = Object(Object(parse(text)).compilerOptions);
  const compilerOptions = Object.fromEntries(
    settings.flatMap((name) => (typeof given[name] === 'boolean' ? [[name, given[name]]] : [])),
  );
  return { compilerOptions };
}
