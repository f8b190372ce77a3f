import { isAbsolute, relative, sep } from 'node:path';

/** Whether `path` is `directory` or below it, by name alone: links are not followed. Both are absolute. */
export function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
