/**
 * The main module of an instance of the deno runtime: one of the node runtime, in which the app finds the namespace
 * `Deno`, and by that a server of its own kind.
 */
import { App as NodeApp } from '../../node/adapter/index.ts';
import { publishDeno } from './namespace.ts';
import { DenoServer } from './server.ts';

export class App extends NodeApp {
  readonly #server = new DenoServer(() => this.listens());

  protected override async prepare(): Promise<void> {
    await publishDeno(this.#server);
  }

  protected override handle(request: Request): Promise<Response> {
    return this.#server.isOpen ? this.#server.handle(request) : super.handle(request);
  }

  override async busy(): Promise<boolean> {
    return this.#server.busy || (await super.busy());
  }

  override async stop(): Promise<void> {
    await this.#server.idle();
    await super.stop();
    this.#server.closeSockets();
  }
}

export default {};
