/**
 * The main module of an instance of the Go runtime: a program of Go's js/wasm port, to its Dyno a process as
 * instance-protocol.ts says. Its network is in its own memory, and requests come to its listener there.
 */
import { DurableObject, env } from 'cloudflare:workers';
import process from 'node:process';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, exited, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { unpackTree } from '../../node/adapter/files.ts';
import { closeUpgraded, hasUpgraded } from '../../node/adapter/http/upgrade/index.ts';
import { captureOutput } from '../../node/adapter/output.ts';
import { Bridge } from './bridge.ts';
import { Client } from './http/client.ts';
import { startProgram } from './program.ts';
import type { Start } from './start.ts';

/** How often a program that has started is asked whether it listens, at first and at last. Milliseconds. */
const ASK_FIRST = 1;
const ASK_LAST = 100;

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  readonly #port = Number(process.env.PORT);
  readonly #bridge = new Bridge(env as Record<string, string>);
  readonly #client = new Client(this.#bridge, this.#port);

  async boot({ module, files, date }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    captureOutput(this.#events);
    catchErrors(this.#events);
    await unpackTree(files, date);
    void this.#run(module).catch(uncaught);
    return this.#events.stream;
  }

  async #run(specifier: string): Promise<void> {
    const { default: start }: { default: Start } = await import(specifier);
    await startProgram(start);
    this.#awaitListener(ASK_FIRST);
  }

  #awaitListener(wait: number): void {
    if (this.#bridge.listens(this.#port)) this.#events.send({ type: 'listening' });
    else setTimeout(() => this.#awaitListener(Math.min(wait * 2, ASK_LAST)), wait);
  }

  override fetch(request: Request): Promise<Response> {
    return this.#client.fetch(request);
  }

  async busy(): Promise<boolean> {
    return hasUpgraded() || this.#client.busy;
  }

  async stop(): Promise<void> {
    await this.#client.idle();
    if (this.#bridge.terminate()) await exited;
    closeUpgraded();
  }
}

export default {};
