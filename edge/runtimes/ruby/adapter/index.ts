/**
 * The main module of an instance of the Ruby runtime: CRuby with the app's Rack application in it, to its Dyno a
 * process as instance-protocol.ts says.
 */
import { DurableObject, env } from 'cloudflare:workers';
import { ConsoleStdout } from '@bjorn3/browser_wasi_shim';
import { unpackTar } from 'modern-tar';
import { appRoot } from '../../../../schema/app-root.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, exit, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { type Engine, startEngine } from './engine.ts';
import { install, quote } from './library.ts';
import { requestFields, toResponse, toStream } from './rack.ts';
import { installWaiting, type Streaming } from './waiting.ts';

const FILES = 'files/';

/** What the code module of a process type says; see edge/runtimes/ruby/index.ts. */
interface Start {
  kind: 'rackup' | 'script' | 'command';
  /** A path relative to the app's tree; of a command, its name. */
  file: string;
  args?: string[];
}

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  #engine: Engine | undefined;
  #count = 0;
  /** Requests that Ruby has not answered yet. */
  #serving = 0;
  /** Ruby serves a request at a time: what locks a mutex while it waits would find it locked by itself. */
  #turn: Promise<void> = Promise.resolve();

  /** Makes the response of a request whose body comes by and by. */
  readonly #begin = new Map<number, (body: ReadableStream<Uint8Array>) => void>();
  /** Bodies that are being sent. */
  readonly #bodies = new Map<number, ReadableStreamDefaultController<Uint8Array>>();
  readonly #streaming: Streaming = {
    respond: async (id) => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => void this.#bodies.set(id, controller),
        cancel: () => void this.#bodies.delete(id),
      });
      this.#begin.get(id)?.(body);
    },
    // What is not read yet waits here: a reader that is slow does not keep Ruby from its next request.
    write: async (id) => {
      const piece = this.#engine?.files.take(`/islet/${id}.sent`);
      const body = this.#bodies.get(id);
      if (!piece || !body) return false;
      body.enqueue(piece);
      await new Promise((resolve) => setTimeout(resolve, 0));
      return this.#bodies.has(id);
    },
  };

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    catchErrors(this.#events);
    const entries = await unpackTar(files, { filter: ({ name }) => name.startsWith(FILES) });
    void this.#start(module, entries);
    return this.#events.stream;
  }

  async #start(specifier: string, entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
    try {
      const { default: ruby } = await load<{ default: WebAssembly.Module }>('./shared/ruby.wasm');
      // Slugs from before there were snapshots have none.
      const memory = await load<{ default: ArrayBuffer }>('./shared/snapshot.bin').catch(() => undefined);
      const { default: start } = await load<{ default: Start }>(specifier);
      const output = (line: string) => this.#events.output(line);
      const engine = await startEngine({
        module: ruby,
        env: env as Record<string, string>,
        stdout: ConsoleStdout.lineBuffered(output),
        stderr: ConsoleStdout.lineBuffered(output),
        snapshot: memory?.default,
      });
      installWaiting(engine, { streaming: this.#streaming });
      install(engine);
      for (const { header, data } of entries) {
        engine.files.write(`${appRoot}/${header.name.slice(FILES.length)}`, data ?? new Uint8Array());
      }
      engine.files.write('/tmp/.keep', new Uint8Array());
      const status: unknown = (await engine.vm.evalAsync(bootScript(start))).toJS();
      if (status !== null && status !== undefined) exit(status);
      this.#engine = engine;
      this.#events.send({ type: 'listening' });
    } catch (error) {
      uncaught(error);
    }
  }

  override async fetch(request: Request): Promise<Response> {
    const engine = this.#engine;
    if (!engine) throw new Error('The app has not started.');
    const id = ++this.#count;
    const place = `/islet/${id}`;
    const body = new Uint8Array(await request.arrayBuffer());
    this.#serving += 1;
    const before = this.#turn;
    const { promise, resolve: done } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    engine.files.write(`${place}.in`, requestFields(request));
    engine.files.write(`${place}.body`, body);
    const { promise: streamed, resolve: stream } = Promise.withResolvers<Response>();
    const head = () => engine.files.take(`${place}.out`) ?? new Uint8Array();
    this.#begin.set(id, (readable) => stream(toStream(head(), readable, request.method)));
    const whole = (async () => {
      try {
        await engine.vm.evalAsync(`Islet.serve(${id})`);
        return this.#bodies.has(id)
          ? await streamed
          : toResponse(head(), engine.files.take(`${place}.sent`) ?? new Uint8Array(), request.method);
      } catch (error) {
        uncaught(error);
        throw error;
      } finally {
        this.#serving -= 1;
        done();
        this.#begin.delete(id);
        this.#close(id);
        engine.files.take(`${place}.in`);
        engine.files.take(`${place}.body`);
      }
    })();
    return Promise.race([streamed, whole]);
  }

  #close(id: number): void {
    this.#bodies.get(id)?.close();
    this.#bodies.delete(id);
  }

  async busy(): Promise<boolean> {
    return this.#serving > 0;
  }

  async stop(): Promise<void> {
    while (this.#serving > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function bootScript({ kind, file, args = [] }: Start): string {
  return `
    require 'islet/boot'
    Dir.chdir(${quote(appRoot)})
    Islet.bundle(${quote(`${appRoot}/vendor/bundle/bundler/setup.rb`)})
    Islet.boot(:${kind}, ${quote(file)}, [${args.map(quote).join(', ')}])
  `;
}

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
