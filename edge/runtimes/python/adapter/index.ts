/**
 * The main module of an instance of the Python runtime: CPython with the app's WSGI or ASGI application in it, to its
 * Dyno a process as instance-protocol.ts says.
 */
import { DurableObject, env } from 'cloudflare:workers';
import { appRoot } from '../../../../schema/app-root.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, exit, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { type EngineOptions, startEngine } from './engine.ts';
import { type Exchange, serve } from './exchange.ts';
import { install, libraryVersion } from './library.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import type { Start } from './start.ts';
import { writeTree } from './tree.ts';

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
    // Of one piece: the files are parts of it.
    const archive = new Uint8Array(await new Response(files).arrayBuffer());
    void this.#start(module, archive).catch(uncaught);
    return this.#events.stream;
  }

  async #start(specifier: string, archive: Uint8Array): Promise<void> {
    const { default: wasm } = await load<{ default: WebAssembly.Module }>('./shared/python.wasm');
    const { default: stdlib } = await load<{ default: ArrayBuffer }>('./shared/stdlib.zip');
    const { default: start } = await load<{ default: Start }>(specifier);
    const options: EngineOptions = {
      module: wasm,
      stdlib,
      env: env as Record<string, string>,
      snapshots: await snapshots(env as Record<string, string>),
      writeFiles: (engine) => writeTree(engine, archive),
      onOutput: (line) => this.#events.output(line),
    };
    const python = await startEngine(options).catch((error: unknown) => {
      if (!options.snapshots?.[1]) throw error;
      this.#events.output(`Python starts without its packages in memory: ${error}`);
      return startEngine({ ...options, snapshots: options.snapshots.slice(0, 1) });
    });
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

/**
 * The memory to start from: of the host's engine, and of the same engine once it has imported the app's packages. The
 * second is of no use to a process whose environment would have made the packages another.
 */
async function snapshots(env: Readonly<Record<string, string>>): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for (const specifier of ['./shared/snapshot.bin', './code/packages.snapshot']) {
    // Slugs have none from before there were such, and where the packages cannot be imported ahead.
    const memory = await load<{ default: ArrayBuffer }>(specifier).catch(() => undefined);
    const snapshot = memory && readSnapshot(memory.default);
    if (snapshot?.about.library !== libraryVersion) break;
    if (Object.entries(snapshot.about.environment).some(([name, value]) => (env[name] ?? null) !== value)) break;
    found.push(snapshot);
  }
  return found;
}

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
