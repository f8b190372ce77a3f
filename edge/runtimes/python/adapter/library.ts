import type { PyodideAPI } from 'pyodide';
import { appRoot } from '../../../../schema/app-root.ts';
import init from './lib/islet/__init__.py';
import asgi from './lib/islet/asgi.py';
import boot from './lib/islet/boot.py';
import http from './lib/islet/http.py';
import imports from './lib/islet/imports.py';
import servers from './lib/islet/servers.py';
import threads from './lib/islet/threads.py';
import wsgi from './lib/islet/wsgi.py';

/** Where the runtime's own Python is; first on the path. */
const LIBRARY = '/islet/lib';

/** Where the app's packages are. */
const SITE_PACKAGES = `${appRoot}/.heroku/python/lib/python3.14/site-packages`;

const modules = { __init__: init, asgi, boot, http, imports, servers, threads, wsgi };

/** Puts the runtime's own Python, the app and its packages on the path of an engine. */
export function install({ FS, runPython }: PyodideAPI): void {
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
