/** Runs pip on Pyodide in a worker; fetches for it what it asks for. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { appRoot } from '../../../schema/slug.ts';
import { BuildFailure } from '../../failure.ts';
import type { BuildContext } from '../buildpack.ts';
import { IndexClient } from './index-client.ts';
import { pipWheel } from './pip-wheel.ts';

/** Where packages are in the app, as on Heroku. */
export const SITE_PACKAGES = '.heroku/python/lib/python3.14/site-packages';

/** Files of an app that say what it needs, the one that counts first, as Heroku has it. */
export const manifests = ['Pipfile.lock', 'requirements.txt', 'poetry.lock', 'uv.lock', 'pyproject.toml'] as const;
export type ManifestKind = (typeof manifests)[number];

export interface PipOrder {
  kind: ManifestKind;
  /** Where the app finds its packages: absolute path in an instance. */
  place: string;
  /** pip's wheel. */
  pip: Uint8Array;
  /** By absolute path in Pyodide. */
  files: Record<string, Uint8Array>;
  env: Record<string, string>;
}

/** What a request of pip's came to; with `error` there was no answer. */
export interface Answer {
  status: number;
  /** JSON: pairs. */
  headers: string;
  body: Uint8Array;
  error: string;
}

export type PipMessage =
  | { type: 'output'; text: string }
  | { type: 'trusted'; urls: string[] }
  | { type: 'fetch'; id: number; url: string; headers: Record<string, string> }
  | { type: 'done'; code: number; files: Map<string, Uint8Array> };

/** Of pip's own variables, those that say where packages come from. */
const INDEX_VARIABLES = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_TRUSTED_HOST'];

/** MiB of JavaScript's heap; the memory of WebAssembly is bounded by its own 4 GB. */
const HEAP_MIB = 1024;

/**
 * Installs what an app's manifest asks for.
 *
 * @param files the app's files that pip may read, by path in the app
 * @returns files of `site-packages`, by path
 * @throws BuildFailure when pip fails; its output is in the log
 */
export async function pipInstall(
  kind: ManifestKind,
  files: ReadonlyMap<string, Uint8Array>,
  context: BuildContext,
): Promise<Map<string, Uint8Array>> {
  const { log, signal } = context;
  const env = Object.fromEntries(
    INDEX_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  const order: PipOrder = {
    kind,
    place: `${appRoot}/${SITE_PACKAGES}`,
    pip: await pipWheel(context),
    env: env as Record<string, string>,
    files: {
      // What scripts of packages begin with; pip looks whether it is there.
      '/usr/bin/python3': new Uint8Array(),
      ...(await pipConfiguration()),
      ...Object.fromEntries([...files].map(([path, bytes]) => [`/app/${path}`, bytes])),
    },
  };
  const worker = new Worker(new URL('./pip-worker.ts', import.meta.url), {
    workerData: order,
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  const lines: string[] = [];
  let index: IndexClient | undefined;
  try {
    const { promise, resolve, reject } = Promise.withResolvers<Map<string, Uint8Array>>();
    worker.on('message', (message: PipMessage) => {
      if (message.type === 'trusted') index = new IndexClient(message.urls, context);
      else if (message.type === 'fetch') {
        const { id, url, headers } = message;
        void index?.get(url, headers).then((answer) => worker.postMessage({ id, answer }));
      } else if (message.type === 'output') {
        const { text } = message;
        if (text.startsWith('NATIVE ')) reject(nativeCode(text.slice('NATIVE '.length)));
        else if (!text.startsWith('WARNING: Target directory')) {
          lines.push(text);
          log.detail(text);
        }
      } else if (message.code === 0) resolve(message.files);
      else reject(new BuildFailure('pip could not install the packages of the app.', { help: helpFor(lines) }));
    });
    worker.on('error', (error) => reject(new Error('pip broke down', { cause: error })));
    worker.on('exit', () => reject(new Error('pip ended without a result')));
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function helpFor(lines: readonly string[]): string[] {
  const [, name] = /No matching distribution found for (\S+)/.exec(lines.join('\n')) ?? [];
  return name
    ? [
        `${name} is not in the index, or has no wheel for Python 3.14 on WebAssembly and no source that is Python alone.`,
      ]
    : ['Its output above says why.'];
}

/** Databases and others that many apps have, and what to take instead. */
const ALTERNATIVES: Record<string, string> = {
  psycopg2: 'Reach the database over HTTP.',
  'psycopg2-binary': 'Reach the database over HTTP.',
  mysqlclient: 'Reach the database over HTTP.',
  cryptography: 'The standard library has hashlib, hmac and secrets.',
};

function nativeCode(what: string): BuildFailure {
  const [name = what] = what.split(' ');
  return new BuildFailure(`The package ${what} has native code, and no wheel for WebAssembly.`, {
    help: [
      (Object.hasOwn(ALTERNATIVES, name) && ALTERNATIVES[name]) ||
        `Use a version of ${name} with a wheel for pyemscripten_2026_0_wasm32, or a package that is Python alone.`,
    ],
  });
}

/** pip's configuration on this host ("Configuration", pip documentation), at the places where it looks in Pyodide. */
async function pipConfiguration(): Promise<Record<string, Uint8Array>> {
  const places = [
    ['/etc/pip.conf', '/etc/pip.conf'],
    [join(homedir(), '.config/pip/pip.conf'), '/.config/pip/pip.conf'],
    [join(homedir(), '.pip/pip.conf'), '/.pip/pip.conf'],
  ] as const;
  const found: Record<string, Uint8Array> = {};
  for (const [place, inPyodide] of places) {
    const bytes = await readFile(place).catch(() => undefined);
    if (bytes) found[inPyodide] = bytes;
  }
  return found;
}
