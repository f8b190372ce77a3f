import path from 'node:path';
import process from 'node:process';
import { replaceBuiltin } from './require.ts';

/** Lets `path` know the process's directory: in workerd a relative path is one of the root, wherever `chdir` went. */
export function resolveFromDirectory(): void {
  const { resolve, relative } = path;
  const own = {
    resolve: (...paths: string[]) => resolve(process.cwd(), ...paths),
    relative: (from: string, to: string) => relative(own.resolve(from), own.resolve(to)),
  };
  const changed: typeof path = { ...path, ...own };
  Object.assign(changed, { posix: changed, default: changed });
  replaceBuiltin('path', changed);
  replaceBuiltin('path/posix', changed);
}
