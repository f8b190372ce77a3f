import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';

/** The version of CPython that Pyodide brings. */
const PYTHON = '3.14';

/** Says which Python is used; one that the app asks for and that is not to be had is named. */
export async function reportVersion({ tree, log }: BuildContext): Promise<void> {
  for (const [file, pattern] of [
    ['.python-version', /^(?:#.*\n|\s)*(\d+(?:\.\d+)*)\s*$/m],
    ['runtime.txt', /^python-(\d+(?:\.\d+)*)\s*$/],
  ] as const) {
    const text = await readFile(join(tree, file), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const [, version] = pattern.exec(text.trim()) ?? [];
    if (!version) {
      throw new BuildFailure(
        `${file} does not name a version of Python: ${JSON.stringify(text.trim().slice(0, 60))}.`,
        {
          help: [`It holds one line: ${file === 'runtime.txt' ? 'python-' : ''}${PYTHON}`],
        },
      );
    }
    log.step(`Using Python ${PYTHON} specified in ${file}`);
    if (!`${version}.`.startsWith(`${PYTHON}.`)) {
      log.warn(`${file} asks for Python ${version}; Islet has ${PYTHON} alone.`);
    }
    return;
  }
  log.step(`No Python version was specified. Using Python ${PYTHON}.`);
}
