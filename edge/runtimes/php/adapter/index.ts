/**
 * The main module of an instance of the PHP runtime: PHP with the app's files beside it, to its Dyno a process as
 * instance-protocol.ts says.
 */
import { DurableObject, env } from 'cloudflare:workers';
import { unpackTar } from 'modern-tar';
import { appRoot } from '../../../../schema/app-root.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { Assets } from '../../worker/adapter/assets.ts';
import { cgiResponse, cgiVariables, type Script } from './cgi.ts';
import { Engine, type PhpFactory } from './engine.ts';
import { answerHttpStreams } from './http.ts';
import { PREPENDED, phpIni } from './ini.ts';
import http from './lib/http.php';
import { Site } from './site.ts';
import type { Start } from './start.ts';

const FILES = 'files/';

/** What the wrapper of a router script sends when the router leaves the request to the server. */
const PASSED = 'x-islet-passed';

/** Runs the router of the built-in server, which says by `false` that the file itself is to be served. */
const ROUTER = '/islet/router.php';
const ROUTER_SCRIPT = `<?php
if ((static fn () => require $_SERVER['ISLET_ROUTER'])() === false) header('${PASSED}: 1');
`;

interface Served {
  engine: Engine;
  site: Site;
  assets: Assets;
  start: Start;
  /** Absolute path of the document root. */
  root: string;
}

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  #served: Served | undefined;
  /** Resolves when PHP is free: it answers one request at a time. */
  #free: Promise<unknown> = Promise.resolve();
  #serving = 0;

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    catchErrors(this.#events);
    const entries = await unpackTar(files, { filter: ({ name }) => name.startsWith(FILES) });
    void this.#start(module, entries);
    return this.#events.stream;
  }

  async #start(specifier: string, entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
    try {
      const { default: start } = await load<{ default: Start }>(specifier);
      const names = [...start.libraries, ...start.extensions];
      const { default: factory } = await load<{ default: PhpFactory }>('./shared/php.mjs');
      const log = (line: string) => this.#events.output(line);
      const engine = await Engine.start({
        factory,
        module: await compiledModule('php'),
        libraries: new Map(await Promise.all(names.map(async (name) => [name, await compiledModule(name)] as const))),
        ini: phpIni(start),
        onLog: log,
      });
      const root = `${appRoot}${start.root && `/${start.root}`}`;
      const assets = new Map<string, Uint8Array<ArrayBuffer>>();
      for (const { header, data = new Uint8Array() } of entries) {
        const path = `${appRoot}/${header.name.slice(FILES.length)}`;
        engine.write(path, data);
        if (path.startsWith(`${root}/`) && !path.endsWith('.php')) assets.set(path.slice(root.length), data);
      }
      engine.write(ROUTER, ROUTER_SCRIPT);
      engine.write(PREPENDED, http);
      answerHttpStreams();
      this.#served = {
        engine,
        start,
        root,
        site: new Site(start, root, engine.tree(root), log),
        assets: new Assets(
          assets,
          { directory: '', htmlHandling: 'none', notFoundHandling: 'none', runWorkerFirst: false },
          log,
        ),
      };
      this.#events.send({ type: 'listening' });
    } catch (error) {
      uncaught(error);
    }
  }

  override async fetch(request: Request): Promise<Response> {
    const served = this.#served;
    if (!served) throw new Error('The app has not started.');
    this.#serving += 1;
    try {
      return await this.#serve(served, request);
    } catch (error) {
      uncaught(error);
      throw error;
    } finally {
      this.#serving -= 1;
    }
  }

  async #serve(served: Served, request: Request): Promise<Response> {
    const { site, start, root } = served;
    const url = new URL(request.url);
    if (start.router !== undefined) {
      const script = { file: ROUTER, name: url.pathname, pathInfo: '' };
      const response = await this.#run(served, request, url, script, { ISLET_ROUTER: `${appRoot}/${start.router}` });
      if (!response.headers.has(PASSED)) return response;
    }
    const variables = cgiVariables(request, url, { file: '', name: '', pathInfo: '' }, { root, bodyLength: 0 });
    const target = site.route(url, variables);
    if ('script' in target) return this.#run(served, request, target.url, target.script);
    if ('file' in target) return this.#file(served, target.file, request);
    if ('redirect' in target)
      return new Response(null, { status: target.status, headers: { location: target.redirect } });
    return new Response(`${reasons[target.status] ?? 'Error'}\n`, { status: target.status });
  }

  /** A file of the slug with all that static files have; one that PHP has written as it is. */
  async #file({ assets, engine, root }: Served, path: string, request: Request): Promise<Response> {
    const url = new URL(request.url);
    url.pathname = path;
    const bytes = engine.read(root + path);
    return (await assets.find(new Request(url, request))) ?? new Response(bytes ?? null, { status: bytes ? 200 : 404 });
  }

  async #run(
    { engine, root }: Served,
    request: Request,
    url: URL,
    script: Script,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const body = new Uint8Array(await request.clone().arrayBuffer());
    const variables = {
      ...(env as Record<string, string>),
      ...cgiVariables(request, url, script, { root, bodyLength: body.length }),
      ...more,
    };
    const output = this.#free.then(() => engine.answer(variables, body));
    this.#free = output.catch(() => {});
    return cgiResponse(await output, request.method);
  }

  async busy(): Promise<boolean> {
    return this.#serving > 0;
  }

  async stop(): Promise<void> {
    while (this.#serving > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const reasons: Record<number, string> = { 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 410: 'Gone' };

async function compiledModule(name: string): Promise<WebAssembly.Module> {
  const { default: module } = await load<{ default: WebAssembly.Module }>(`./shared/${name}.wasm`);
  return module;
}

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
