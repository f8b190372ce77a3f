/**
 * The main module of an instance of the PHP runtime: PHP with the app's files beside it, to its Dyno a process as
 * instance-protocol.ts says.
 */
import { DurableObject, env } from 'cloudflare:workers';
import { unpackTar } from 'modern-tar';
import { appRoot } from '../../../../schema/app-root.ts';
import type { BootOptions, Instance } from '../../instance-protocol.ts';
import { catchErrors, exit, uncaught } from '../../node/adapter/errors.ts';
import { Events } from '../../node/adapter/events.ts';
import { Assets } from '../../worker/adapter/assets.ts';
import { cgiVariables, type Script } from './cgi.ts';
import { Engine, OPCACHE_DIR, type PhpFactory } from './engine.ts';
import { FileTree } from './file-tree.ts';
import { phpIni } from './ini.ts';
import { install } from './library.ts';
import { lineReader } from './lines.ts';
import { programIni, runProgram } from './program.ts';
import { Site, type Tree } from './site.ts';
import type { ProgramStart, Start, Site as Web } from './start.ts';
import { Worker } from './worker.ts';
import { Workers } from './workers.ts';

const FILES = 'files/';

/** Requests that are answered at once, where WEB_CONCURRENCY does not say. */
const BY_DEFAULT = 4;

/** What the wrapper of a router script sends when the router leaves the request to the server. */
const PASSED = 'x-islet-passed';

/** Runs the router of the built-in server, which says by `false` that the file itself is to be served. */
const ROUTER = '/islet/router.php';
const ROUTER_SCRIPT = `<?php
if ((static fn () => require $_SERVER['ISLET_ROUTER'])() === false) header('${PASSED}: 1');
`;

interface Served {
  workers: Workers;
  files: FileTree;
  site: Site;
  assets: Assets;
  start: Web;
  /** Absolute path of the document root. */
  root: string;
}

export class App extends DurableObject implements Instance {
  readonly #events = new Events();
  #served: Served | undefined;
  #serving = 0;
  readonly #log = (line: string): void => this.#events.output(line);

  async boot({ module, files }: BootOptions): Promise<ReadableStream<Uint8Array>> {
    catchErrors(this.#events);
    const entries = await unpackTar(files, { filter: ({ name }) => name.startsWith(FILES) });
    void this.#start(module, entries);
    return this.#events.stream;
  }

  async #start(specifier: string, entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
    try {
      const { default: start } = await load<{ default: Start }>(specifier);
      const files = new FileTree();
      for (const { header, data = new Uint8Array() } of entries) {
        files.write(`${appRoot}/${header.name.slice(FILES.length)}`, data);
      }
      files.makeDirectory(OPCACHE_DIR);
      if ('program' in start) return exit(await this.#runProgram(start, files));
      await this.#listen(start, files, entries);
    } catch (error) {
      uncaught(error);
    }
  }

  /** @returns its exit status */
  async #runProgram(start: ProgramStart, files: FileTree): Promise<number> {
    const { file, code, name, args } = start.program;
    const engine = await engineOf(start, `${programIni}\n${start.ini}`, files, this.#log);
    const lines = lineReader(this.#log);
    const status = await runProgram(
      engine,
      { ...(file === undefined ? { code } : { file: `${appRoot}/${file}` }), name, args, directory: appRoot },
      { env: env as Record<string, string>, input: new Uint8Array(), onOutput: lines.write },
    );
    lines.end();
    return status;
  }

  async #listen(start: Web, files: FileTree, entries: Awaited<ReturnType<typeof unpackTar>>): Promise<void> {
    const root = `${appRoot}${start.root && `/${start.root}`}`;
    const assets = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const { header, data = new Uint8Array() } of entries) {
      const path = `${appRoot}/${header.name.slice(FILES.length)}`;
      if (path.startsWith(`${root}/`) && !path.endsWith('.php')) assets.set(path.slice(root.length), data);
    }
    const startWorker = async () => {
      const engine = await engineOf(start, start.ini, files, this.#log);
      engine.write(ROUTER, ROUTER_SCRIPT);
      return Worker.start(engine, this.#log);
    };
    const workers = new Workers({ start: startWorker, most: concurrency(this.#log) });
    await workers.add();
    this.#served = {
      workers,
      files,
      start,
      root,
      site: new Site(start, root, treeOf(files, root), this.#log),
      assets: new Assets(
        assets,
        { directory: '', htmlHandling: 'none', notFoundHandling: 'none', runWorkerFirst: false },
        this.#log,
      ),
    };
    this.#events.send({ type: 'listening' });
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
  async #file({ assets, files, root }: Served, path: string, request: Request): Promise<Response> {
    const url = new URL(request.url);
    url.pathname = path;
    const bytes = files.read(root + path);
    return (await assets.find(new Request(url, request))) ?? new Response(bytes ?? null, { status: bytes ? 200 : 404 });
  }

  async #run(
    { workers, root }: Served,
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
    const { response, done } = await workers.serve(variables, body);
    this.#serving += 1;
    void done.finally(() => {
      this.#serving -= 1;
    });
    // A worker that has ended has said why in the log.
    return response.catch(() => new Response(`${reasons[500]}\n`, { status: 500 }));
  }

  async busy(): Promise<boolean> {
    return this.#serving > 0;
  }

  async stop(): Promise<void> {
    while (this.#serving > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** As Heroku's buildpack takes it: how many requests are answered at once. */
function concurrency(report: (problem: string) => void): number {
  const { WEB_CONCURRENCY: text } = env as Record<string, string>;
  if (text === undefined) return BY_DEFAULT;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  report(`WEB_CONCURRENCY is ${JSON.stringify(text)}, not a number from 1 to 99; it is taken as ${BY_DEFAULT}.`);
  return BY_DEFAULT;
}

/** The files below a directory, as they are at the time. */
const treeOf = (files: FileTree, root: string): Tree => ({
  isFile: (path) => files.isFile(root + path),
  isDirectory: (path) => files.isDirectory(root + path),
  read: (path) => {
    const bytes = files.read(root + path);
    return bytes && new TextDecoder().decode(bytes);
  },
});

const reasons: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  410: 'Gone',
  500: 'Internal Server Error',
};

/** Starts PHP with what all of an app's have. */
async function engineOf(start: Start, ini: string, files: FileTree, onLog: (line: string) => void): Promise<Engine> {
  const names = [...start.libraries, ...start.extensions];
  const { default: factory } = await load<{ default: PhpFactory }>('./shared/php.mjs');
  const engine = await Engine.start({
    factory,
    module: await compiledModule('php'),
    libraries: new Map(await Promise.all(names.map(async (name) => [name, await compiledModule(name)] as const))),
    ini: phpIni({ ...start, ini }),
    mounts: new Map(['/tmp', OPCACHE_DIR].map((place) => [place, { tree: files, at: place }])),
    onLog,
  });
  install(engine, start.standIns);
  return engine;
}

async function compiledModule(name: string): Promise<WebAssembly.Module> {
  const { default: module } = await load<{ default: WebAssembly.Module }>(`./shared/${name}.wasm`);
  return module;
}

const load = <Module>(specifier: string): Promise<Module> => import(specifier);

export default {};
