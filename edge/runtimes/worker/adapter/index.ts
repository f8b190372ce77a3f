/**
 * The main module of an instance of the worker runtime: a Worker of the app's own, as Cloudflare runs it, with static
 * files beside it. To its Dyno it is a process as instance-protocol.ts says.
 */
import { DurableObject, env, withEnv } from 'cloudflare:workers';
import type { AssetsConfig } from '../../../../schema/assets.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { captureOutput } from '../../node/adapter/output.ts';
import { Assets } from './assets.ts';
import { readFiles } from './files.ts';
import { type Handler, handlerOf, type WorkerModule } from './handler.ts';

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  /** What goes on after its response. */
  readonly #going = new Set<Promise<unknown>>();
  #assets: Assets | undefined;
  #workerFirst = false;
  /** Whether it has ever answered with a WebSocket: when that is closed, nobody tells. */
  #hasUpgraded = false;
  #env: object = env;
  #handler: Handler | undefined;

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    captureOutput(this.#events);
    catchErrors(this.#events);
    const { default: config } = await load<{ default: AssetsConfig | null }>('./assets.json');
    if (config) {
      this.#assets = new Assets(await readFiles(files, config.directory), config, console.warn);
      this.#workerFirst = config.runWorkerFirst;
      if (config.binding) this.#env = { ...env, [config.binding]: this.#assets };
    } else {
      await files.cancel();
    }
    void this.#start(module);
    return this.#events.stream;
  }

  async #start(module: string): Promise<void> {
    try {
      this.#handler = handlerOf(await withEnv(this.#env, () => load<WorkerModule>(module)), this.#env);
      this.#events.send({ type: 'listening' });
    } catch (error) {
      uncaught(error);
    }
  }

  override async fetch(request: Request): Promise<Response> {
    const found = this.#workerFirst ? undefined : await this.#assets?.find(request);
    if (found) return found;
    const handler = this.#handler;
    if (!handler) throw new Error('The app has not started.');
    let response: Response;
    try {
      response = await withEnv(this.#env, () => handler.fetch(request, (work) => this.#keep(work)));
    } catch (error) {
      console.error(error);
      return new Response('Internal Server Error', { status: 500 });
    }
    if (response.status === 101) this.#hasUpgraded = true;
    return response.body && !response.headers.has('content-length') ? this.#followed(response) : response;
  }

  async busy(): Promise<boolean> {
    return this.#going.size > 0 || this.#hasUpgraded;
  }

  async stop(): Promise<void> {
    while (this.#going.size > 0) await Promise.all(this.#going);
  }

  /** A response that goes on, such as server-sent events: the process does not end before it does. */
  #followed(response: Response): Response {
    if (!response.body) return response;
    const { readable, writable } = new IdentityTransformStream();
    // A client that is gone is no error of the app's.
    this.#keep(response.body.pipeTo(writable).catch(() => {}));
    return new Response(readable, response);
  }

  #keep(work: Promise<unknown>): void {
    const kept = Promise.resolve(work)
      .catch(console.error)
      .finally(() => this.#going.delete(kept));
    this.#going.add(kept);
  }
}

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
