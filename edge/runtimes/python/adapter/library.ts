import { pbkdf2Sync, scryptSync } from 'node:crypto';
import type { PyodideAPI } from 'pyodide';
import { appRoot } from '../../../../schema/app-root.ts';
import init from './lib/islet/__init__.py';
import asgi from './lib/islet/asgi.py';
import boot from './lib/islet/boot.py';
import hashes from './lib/islet/hashes.py';
import http from './lib/islet/http.py';
import imports from './lib/islet/imports.py';
import servers from './lib/islet/servers.py';
import threads from './lib/islet/threads.py';
import wsgi from './lib/islet/wsgi.py';

/** Where the runtime's own Python is; first on the path. */
const LIBRARY = '/islet/lib';

/** Where the app's packages are. */
const SITE_PACKAGES = `${appRoot}/.heroku/python/lib/python3.14/site-packages`;

const modules = { __init__: init, asgi, boot, hashes, http, imports, servers, threads, wsgi };

/** What hashes.py calls; the engine takes no subclasses of Uint8Array. */
const host = {
  pbkdf2: (password: Uint8Array, salt: Uint8Array, iterations: number, length: number, digest: string): Uint8Array =>
    new Uint8Array(pbkdf2Sync(password, salt, iterations, length, digest)),
  /** @param maxmem bytes; 0 for as many as is usual */
  scrypt: (
    password: Uint8Array,
    salt: Uint8Array,
    { N, r, p, maxmem, length }: { N: number; r: number; p: number; maxmem: number; length: number },
  ): Uint8Array => new Uint8Array(scryptSync(password, salt, length, { N, r, p, ...(maxmem > 0 && { maxmem }) })),
};

/** Puts the runtime's own Python, the app and its packages on the path of an engine. */
export function install(python: PyodideAPI): void {
  const { FS, runPython } = python;
  python.registerJsModule('islet_host', host);
  FS.mkdirTree(`${LIBRARY}/islet`);
  for (const [name, text] of Object.entries(modules)) FS.writeFile(`${LIBRARY}/islet/${name}.py`, text);
  runPython(`
    import importlib, sys
    sys.path[:0] = ${JSON.stringify([LIBRARY, appRoot])}
    sys.path.append(${JSON.stringify(SITE_PACKAGES)})
    importlib.invalidate_caches()
    del importlib, sys
  `);
}
