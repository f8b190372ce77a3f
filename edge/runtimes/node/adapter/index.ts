/**
 * The main module of an instance of the node runtime. It makes workerd look like one Node.js process to the bundle
 * that edge/runtimes/node/index.ts describes, and that process to its Dyno like instance-protocol.ts says.
 */

import { DurableObject } from 'cloudflare:workers';
import { SAFE_METHODS, unprepared } from '../../failure.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { runAsClusterWorker } from './cluster.ts';
import { followNodeDebug } from './debuglog.ts';
import { catchErrors, terminate, uncaught } from './errors.ts';
import { Events } from './events.ts';
import { unpackTree } from './files.ts';
import { needsPreparation, prepareGenerated, refuseUnprepared, unpreparedCount } from './generated.ts';
import { closeUpgraded, hasUpgraded, onListening, publicServer, replaceHttpServer, type Server } from './http/index.ts';
import { Link } from './link.ts';
import { resolveLocalhost, showLoopback } from './localhost.ts';
import { type AppModule, run } from './main-module.ts';
import { captureOutput } from './output.ts';
import { resolveFromDirectory } from './paths.ts';
import { nameNode, prepareProcess } from './process.ts';
import { compileAtOnce } from './web-assembly.ts';

export class App extends DurableObject implements Instance {
  protected readonly events = new Events();
  #link: Link | undefined;

  async boot({ module, files, date, link }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    captureOutput(this.events);
    catchErrors(this.events);
    prepareGenerated(this.events);
    compileAtOnce();
    followNodeDebug();
    nameNode();
    runAsClusterWorker();
    resolveFromDirectory();
    resolveLocalhost();
    showLoopback();
    replaceHttpServer();
    if (link) this.#link = new Link(link, (request, answering) => openServer().serve(request, answering));
    onListening(() => this.listens());
    await unpackTree(files, date);
    void this.#run(module);
    return this.events.stream;
  }

  async #run(specifier: string): Promise<void> {
    try {
      const { default: app }: { default: AppModule } = await import(specifier);
      prepareProcess(app.argv);
      await this.prepare();
      await run(app);
    } catch (error) {
      uncaught(error);
    }
  }

  /** For runtimes that are more than this one: runs before the app does, in its process. */
  protected async prepare(): Promise<void> {}

  /** The app takes requests. */
  protected listens(): void {
    refuseUnprepared();
    this.events.send({ type: 'listening' });
  }

  override async fetch(request: Request): Promise<Response> {
    const { url } = request;
    if (this.#link?.owns(url)) return this.#link.fetch(url);
    return needsPreparation() && SAFE_METHODS.has(request.method)
      ? this.#answerPrepared(request)
      : this.handle(request);
  }

  /** An answer without a function that the app makes is none: it is asked again when it has it. */
  async #answerPrepared(request: Request): Promise<Response> {
    const missed = unpreparedCount();
    const response = await this.handle(request);
    if (missed === unpreparedCount()) return response;
    await response.body?.cancel();
    return unprepared();
  }

  protected async handle(request: Request): Promise<Response> {
    return openServer().handle(request);
  }

  async busy(): Promise<boolean> {
    return hasUpgraded() || publicServer()?.busy === true;
  }

  async stop(): Promise<void> {
    await publicServer()?.idle();
    await terminate();
    closeUpgraded();
  }
}

/** @throws Error when the app has closed it */
function openServer(): Server {
  const server = publicServer();
  if (!server) throw new Error('The app has closed its server.');
  return server;
}

export default {};
