/**
 * The main module of an instance of the worker runtime: a Worker of the app's own, as Cloudflare runs it, with static
 * files beside it. To its Dyno it is a process as instance-protocol.ts says: one that takes requests, or one that calls
 * the Worker by its cron triggers.
 */
import { DurableObject, env, withEnv } from 'cloudflare:workers';
import process from 'node:process';
import type { AssetsConfig } from '../../../../schema/assets.ts';
import type { WorkerConfig } from '../../../../schema/worker.ts';
import { processType } from '../../dyno-name.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { captureOutput } from '../../node/adapter/output.ts';
import { Assets } from './assets.ts';
import { schedule } from './crons.ts';
import { readFiles } from './files.ts';
import { type Handler, handlerOf, type WorkerModule } from './handler.ts';

/** What the configuration of the Worker says. */
type Config = { assets: AssetsConfig | null } & Partial<WorkerConfig>;

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
  #stopCrons = (): void => {};

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    captureOutput(this.#events);
    catchErrors(this.#events);
    const { default: config } = await load<{ default: Config }>('./config.json');
    const { assets, vars } = config;
    this.#env = { ...vars, ...env };
    if (assets) {
      this.#assets = new Assets(await readFiles(files, assets.directory), assets, console.warn);
      this.#workerFirst = assets.runWorkerFirst;
      if (assets.binding) this.#env = { ...this.#env, [assets.binding]: this.#assets };
    } else {
      await files.cancel();
    }
    void this.#start(module, config);
    return this.#events.stream;
  }

  async #start(module: string, { crons = [] }: Config): Promise<void> {
    try {
      this.#handler = handlerOf(await withEnv(this.#env, () => load<WorkerModule>(module)), this.#env);
      if (processType(process.env.DYNO ?? '') === 'cron') {
        this.#stopCrons = schedule(crons, (cron, scheduledTime) => this.#keep(this.#scheduled(cron, scheduledTime)));
      }
      this.#events.send({ type: 'listening' });
    } catch (error) {
      uncaught(error);
    }
  }

  async #scheduled(cron: string, scheduledTime: number): Promise<void> {
    const controller = { cron, scheduledTime, noRetry() {} };
    await withEnv(this.#env, () => this.#handler?.scheduled(controller, (work) => this.#keep(work)));
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
    this.#stopCrons();
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
