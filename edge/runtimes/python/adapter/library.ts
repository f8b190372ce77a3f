import { createHash, pbkdf2Sync, scryptSync } from 'node:crypto';
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

/** Says which texts of the runtime's own Python these are: a memory may have those of another version of Islet. */
export const libraryVersion = createHash('sha256').update(JSON.stringify(modules)).digest('hex').slice(0, 16);

/** Puts the runtime's own Python, the app and its packages on the path of an engine. */
export function install(python: PyodideAPI): void {
  writeLibrary(python);
  python.registerJsModule('islet_host', host);
  python.runPython(`
    import importlib, sys
    if ${JSON.stringify(LIBRARY)} not in sys.path:
        sys.path[:0] = ${JSON.stringify([LIBRARY, appRoot])}
        sys.path.append(${JSON.stringify(SITE_PACKAGES)})
    importlib.invalidate_caches()
    del importlib, sys
  `);
}

/** The same for a memory that is taken: the host's functions, which are of no memory, come when an engine starts from it. */
export function installForSnapshot(python: PyodideAPI): void {
  writeLibrary(python);
  python.runPython(`
    import sys
    sys.path[:0] = ${JSON.stringify([LIBRARY, appRoot])}
    sys.path.append(${JSON.stringify(SITE_PACKAGES)})
    del sys
    import islet.boot
    islet.boot.prepare()
  `);
}

function writeLibrary({ FS }: PyodideAPI): void {
  FS.mkdirTree(`${LIBRARY}/islet`);
  for (const [name, text] of Object.entries(modules)) FS.writeFile(`${LIBRARY}/islet/${name}.py`, text);
}
