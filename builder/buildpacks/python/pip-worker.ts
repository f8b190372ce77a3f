/**
 * pip on Pyodide, in a thread of its own: it has nothing of this host's but the messages below, and runs no code of an
 * app's or of a package's.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { loadPyodide } from 'pyodide';
import type { Answer, PipMessage, PipOrder } from './pip.ts';

const order = workerData as PipOrder;
const port = parentPort;
if (!port) throw new Error('pip-worker.ts runs in a worker.');
const post = (message: PipMessage) => port.postMessage(message);

const python = await loadPyodide({ env: { HOME: '/', ...order.env } });
for (const write of [python.setStdout.bind(python), python.setStderr.bind(python)]) {
  write({ batched: (text) => post({ type: 'output', text }) });
}
for (const [path, bytes] of Object.entries(order.files)) {
  python.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
  python.FS.writeFile(path, bytes);
}
for (const name of ['install.py', 'locks.py', 'sdists.py']) {
  python.FS.mkdirTree('/driver');
  python.FS.writeFile(`/driver/${name}`, await readFile(fileURLToPath(new URL(name, import.meta.url))));
}
python.FS.writeFile('/driver/pip.whl', order.pip);

const pending = new Map<number, (answer: Answer) => void>();
port.on('message', ({ id, answer }: { id: number; answer: Answer }) => {
  pending.get(id)?.(answer);
  pending.delete(id);
});
let count = 0;
Object.assign(globalThis, {
  hostFetch: (url: string, headers: string): Promise<Answer> =>
    new Promise((resolve) => {
      pending.set(++count, resolve);
      post({ type: 'fetch', id: count, url, headers: JSON.parse(headers) });
    }),
});

python.runPython('import sys; sys.path.insert(0, "/driver")');
const driver = python.pyimport('install') as {
  trusted(): string;
  compile_packages(place: string): void;
  install: { callPromising(kind: string): Promise<number> };
};
post({ type: 'trusted', urls: JSON.parse(driver.trusted()) });
const code = await driver.install.callPromising(order.kind);
const files = new Map<string, Uint8Array>();
if (code === 0) {
  driver.compile_packages(order.place);
  collect('/site', '');
}
post({ type: 'done', code, files });
port.close();

/** Gathers the files below a directory of Pyodide's. */
function collect(directory: string, prefix: string): void {
  const { FS } = python;
  if (!FS.analyzePath(directory).exists) return;
  for (const name of FS.readdir(directory) as string[]) {
    // Scripts that no shell of an instance could run.
    if (name === '.' || name === '..' || (prefix === '' && name === 'bin')) continue;
    const path = `${directory}/${name}`;
    if (FS.isDir(FS.stat(path).mode)) collect(path, `${prefix}${name}/`);
    else files.set(`${prefix}${name}`, FS.readFile(path));
  }
}
