/** Commands of an app's packages, as an installer puts them into `bin` ("Entry points specification", PyPA). */

/** Where they are in the app, as on Heroku. */
export const BIN = '.heroku/python/bin';

/**
 * The scripts for `console_scripts` of packages.
 *
 * @param packages files of site-packages, by path
 * @returns texts by the name of the command
 */
export function commandScripts(packages: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  const scripts = new Map<string, string>();
  for (const [path, bytes] of packages) {
    if (!/^[^/]+\.dist-info\/entry_points\.txt$/.test(path)) continue;
    const [, section = ''] = /^\[console_scripts\]\s*$([^[]*)/m.exec(new TextDecoder().decode(bytes)) ?? [];
    for (const [, name = '', module = '', object = ''] of section.matchAll(
      /^\s*([\w.-]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)/gm,
    )) {
      const [first = ''] = object.split('.');
      const lines = ['import sys', `from ${module} import ${first}`, `sys.exit(${object}())`];
      scripts.set(name, `#!/usr/bin/env python\n${lines.join('\n')}\n`);
    }
  }
  return scripts;
}
