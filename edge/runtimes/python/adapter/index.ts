/**
 * The main module of an instance of the Python runtime: CPython with the app's WSGI or ASGI application in it, to its
 * Dyno a process as instance-protocol.ts says.
 */
import { DurableObject, env } from 'cloudflare:workers';
import { unpackTar } from 'modern-tar';
import type { PyodideAPI } from 'pyodide';
import { appRoot } from '../../../../schema/app-root.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, exit, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { startEngine } from './engine.ts';
import { type Exchange, serve } from './exchange.ts';
import { install } from './library.ts';
import type { Start } from './start.ts';

const FILES = 'files/';

/** What lib/islet/boot.py gives. */
interface Boot {
  boot: { callPromising(start: string): Promise<number | undefined> };
  serve(exchange: Exchange): Promise<void>;
  stop(): Promise<void>;
}

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  #boot: Boot | undefined;
  /** Requests that are not answered to the end. */
  #serving = 0;

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    catchErrors(this.#events);
    const entries = await unpackTar(files, { filter: ({ name }) => name.startsWith(FILES) });
    void this.#start(module, entries).catch(uncaught);
    return this.#events.stream;
  }

  async #start(specifier: string, entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
    const { default: wasm } = await load<{ default: WebAssembly.Module }>('./shared/python.wasm');
    const { default: stdlib } = await load<{ default: ArrayBuffer }>('./shared/stdlib.zip');
    // Slugs from before there were snapshots have none.
    const memory = await load<{ default: ArrayBuffer }>('./shared/snapshot.bin').catch(() => undefined);
    const { default: start } = await load<{ default: Start }>(specifier);
    const python = await startEngine({
      module: wasm,
      stdlib,
      env: env as Record<string, string>,
      snapshot: memory?.default,
      onOutput: (line) => this.#events.output(line),
    });
    await writeFiles(python.FS, entries);
    python.FS.chdir(appRoot);
    install(python);
    const boot = python.pyimport('islet.boot') as Boot;
    const code = await boot.boot.callPromising(JSON.stringify(start));
    if (code !== undefined) exit(code);
    this.#boot = boot;
    this.#events.send({ type: 'listening' });
  }

  override async fetch(request: Request): Promise<Response> {
    const boot = this.#boot;
    if (!boot) throw new Error('The app has not started.');
    this.#serving += 1;
    return serve(request, {
      call: (exchange) => boot.serve(exchange),
      done: () => {
        this.#serving -= 1;
      },
      onError: uncaught,
    });
  }

  async busy(): Promise<boolean> {
    return this.#serving > 0;
  }

  async stop(): Promise<void> {
    while (this.#serving > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await this.#boot?.stop();
  }
}

/** Writes the app's tree, and lets others have the thread between times: a tree may have thousands of files. */
async function writeFiles(FS: PyodideAPI['FS'], entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
  const directories = new Set<string>();
  for (const [count, { header, data = new Uint8Array() }] of entries.entries()) {
    const path = `${appRoot}/${header.name.slice(FILES.length)}`;
    const directory = path.slice(0, path.lastIndexOf('/'));
    if (!directories.has(directory)) FS.mkdirTree(directory);
    directories.add(directory);
    FS.writeFile(path, data, { canOwn: true });
    if (count % 500 === 499) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
