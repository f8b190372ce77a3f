import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Directories whose scripts are for browsers or for tests, not for the process. */
const elsewhere =
  /^(node_modules|bower_components|public|static|assets|client|test|tests|__tests__|spec|coverage|\..*)$/;
const notRun = /(\.d\.[cm]?ts|\.(test|spec|min|config)\.[cm]?[jt]sx?)$/;

/** Most files that a `require` of a value is given to choose from. */
const maxFiles = 2000;

/**
 * The app's own modules that a `require` of a value may ask for.
 *
 * @returns paths relative to the tree, sorted, without the main file
 */
export function sourceFiles(tree: string, main: string): string[] {
  const files: string[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(join(tree, directory), { withFileTypes: true })) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!elsewhere.test(entry.name)) visit(path);
      } else if (entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name) && !notRun.test(entry.name) && path !== main) {
        files.push(path);
      }
    }
  };
  visit('');
  return files.length > maxFiles ? [] : files.sort();
}
