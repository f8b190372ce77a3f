/**
 * The main module of an instance of the Ruby runtime: CRuby with the app's Rack application in it, to its Dyno a
 * process as instance-protocol.ts says.
 */
import { DurableObject, env } from 'cloudflare:workers';
import { unpackTar } from 'modern-tar';
import { appRoot } from '../../../../schema/app-root.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { type Engine, startEngine } from './engine.ts';
import boot from './lib/boot.rb';
import puma from './lib/puma.rb';
import rackHandler from './lib/rack/handler.rb';
import rackupHandler from './lib/rackup/handler.rb';
import rackup from './lib/rackup.rb';
import socket from './lib/socket.rb';
import { requestFields, toResponse } from './rack.ts';

/** Where the runtime's own Ruby is; first on the load path. */
const LIB = '/islet/lib';

const library: Record<string, string> = {
  'islet/boot.rb': boot,
  'puma.rb': puma,
  'rack/handler.rb': rackHandler,
  'rackup.rb': rackup,
  'rackup/handler.rb': rackupHandler,
  'socket.rb': socket,
};

const FILES = 'files/';

/** What the code module of a process type says; see edge/runtimes/ruby/index.ts. */
interface Start {
  kind: 'rackup' | 'script';
  file: string;
}

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  #engine: Engine | undefined;
  #count = 0;
  /** Requests that Ruby has not answered yet. */
  #serving = 0;

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    catchErrors(this.#events);
    const entries = await unpackTar(files, { filter: ({ name }) => name.startsWith(FILES) });
    void this.#start(module, entries);
    return this.#events.stream;
  }

  async #start(specifier: string, entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
    try {
      const { default: ruby } = await load<{ default: WebAssembly.Module }>('./shared/ruby.wasm');
      const { default: start } = await load<{ default: Start }>(specifier);
      const output = (line: string) => this.#events.output(line);
      const engine = await startEngine({
        module: ruby,
        env: env as Record<string, string>,
        onOutput: output,
        onError: output,
      });
      const encoder = new TextEncoder();
      for (const [path, text] of Object.entries(library)) engine.files.write(`${LIB}/${path}`, encoder.encode(text));
      for (const { header, data } of entries) {
        engine.files.write(`${appRoot}/${header.name.slice(FILES.length)}`, data ?? new Uint8Array());
      }
      engine.files.write('/tmp/.keep', new Uint8Array());
      engine.vm.eval(bootScript(start));
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
    engine.files.write(`${place}.in`, requestFields(request));
    engine.files.write(`${place}.body`, new Uint8Array(await request.arrayBuffer()));
    this.#serving += 1;
    try {
      engine.vm.eval(`Islet.serve(${id})`);
    } catch (error) {
      uncaught(error);
      throw error;
    } finally {
      this.#serving -= 1;
      engine.files.take(`${place}.in`);
      engine.files.take(`${place}.body`);
    }
    const fields = engine.files.take(`${place}.out`) ?? new Uint8Array();
    return toResponse(fields, engine.files.take(`${place}.sent`) ?? new Uint8Array(), request.method);
  }

  async busy(): Promise<boolean> {
    return this.#serving > 0;
  }

  async stop(): Promise<void> {
    while (this.#serving > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function bootScript({ kind, file }: Start): string {
  return `
    $LOAD_PATH.unshift(${ruby(LIB)})
    $stdout.sync = $stderr.sync = true
    require 'islet/boot'
    Dir.chdir(${ruby(appRoot)})
    require ${ruby(`${appRoot}/vendor/bundle/bundler/setup.rb`)}
    Islet.boot(:${kind}, ${ruby(file)})
  `;
}

/** A string of Ruby's. */
const ruby = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
