import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleRunner } from '../../edge/bundle.ts';
import { runnerConfig } from '../../edge/runner/config.ts';
import type { Timeouts } from '../../edge/runtimes/timeouts.ts';
import { openSockets, type Socket } from '../../host/listen.ts';
import { fastAllocation, workerd } from '../../host/workerd.ts';
import type { LogLine, Route } from '../../schema/route.ts';
import { type Answer, request } from './request.ts';

const SECRET = 'the-secret-of-this-start';

/** Runners on loopback with a stand-in for the edge, which knows what a test tells it. */
export class Runners {
  readonly routes = new Map<string, Route>();
  readonly slugs = new Map<string, Uint8Array>();
  readonly logs: LogLine[] = [];
  /** What reached the stand-in beside /internal. */
  readonly control: { method: string; url: string; bytes: number }[] = [];
  /** How often a runner asked for a route. */
  questions = 0;
  /** What the runners printed. */
  output = '';
  readonly #edge: Server;
  readonly #directory: string;
  #public: Socket[] = [];
  #private: Socket[] = [];
  #processes: ChildProcess[] = [];
  #revision = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#edge = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const url = incoming.url ?? '';
      const internal = incoming.headers.authorization === `Bearer ${SECRET}` && /^\/internal\/(\w+)\/?(.*)$/.exec(url);
      if (!internal) {
        this.control.push({ method: incoming.method ?? '', url, bytes: body.length });
        return outgoing.end('control\n');
      }
      const [, kind, name = ''] = internal;
      if (kind === 'routes') this.questions += 1;
      if (kind === 'routes') return outgoing.end(JSON.stringify({ route: this.routes.get(name) ?? null }));
      if (kind === 'slugs') return outgoing.end(this.slugs.get(name));
      if (kind === 'background') return outgoing.end('[]');
      // The maps of bundles, which errors are told by.
      if (kind === 'engines') return outgoing.writeHead(404).end();
      this.logs.push(...JSON.parse(body.toString()));
      return outgoing.writeHead(204).end();
    });
  }

  /**
   * Starts `count` runners, each with a public port of its own so that a test can choose among them. `standIn` is an
   * address of this machine that is a public one to them.
   */
  static async start(count: number, timeouts: Partial<Timeouts> = {}, standIn?: string): Promise<Runners> {
    const runners = new Runners(await mkdtemp(join(tmpdir(), 'islet-runners-')));
    const loopback = { host: '127.0.0.1', port: 0 };
    await new Promise<void>((resolve) => runners.#edge.listen(loopback, resolve));
    runners.#public = await openSockets(Array.from({ length: count }, () => loopback));
    runners.#private = await openSockets(Array.from({ length: count }, () => loopback));
    const address = runners.#edge.address();
    const edge = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const config = join(runners.#directory, 'runner.capnp');
    const text = runnerConfig({ script: await bundleRunner(), edge, ipv6: false, timeouts });
    await writeFile(config, standIn ? text.replace('allow = ["public"]', `allow = ["public", "${standIn}/32"]`) : text);
    for (const index of runners.#public.keys()) runners.#spawn(index, config);
    for (const { port } of runners.#private) await runners.#answers(port);
    return runners;
  }

  #spawn(index: number, config: string): void {
    const sockets = [this.#public[index]?.fd ?? 0, this.#private[index]?.fd ?? 0];
    const child = spawn(workerd, ['serve', '--experimental', '--socket-fd=http=3', '--socket-fd=private=4', config], {
      stdio: ['ignore', 'pipe', 'pipe', ...sockets],
      env: {
        ...fastAllocation,
        INTERNAL_SECRET: SECRET,
        RUNNERS: JSON.stringify(this.#private.map(({ port }) => `http://127.0.0.1:${port}`)),
        RUNNER: String(index),
        TRACE: 'trace',
        APPS_DOMAIN: 'localhost',
        PUBLIC_PORT: String(this.port(index)),
      },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes) => {
        this.output += bytes;
      });
    }
    this.#processes[index] = child;
  }

  port(runner = 0): number {
    return this.#public[runner]?.port ?? 0;
  }

  privatePort(runner = 0): number {
    return this.#private[runner]?.port ?? 0;
  }

  pid(runner = 0): number {
    return this.#processes[runner]?.pid ?? 0;
  }

  /** Resident memory of a runner, in bytes. */
  async memory(runner: number): Promise<number> {
    const status = await readFile(`/proc/${this.pid(runner)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  /** Lets the stand-in know an app; `change` overrides what it is by default, a release of `slug`. */
  route(name: string, slug: { sha256: string; bytes: Uint8Array } | null, change: Partial<Route> = {}): Route {
    const before = this.routes.get(`${name}.localhost`);
    this.#revision += 1;
    if (slug) this.slugs.set(slug.sha256, slug.bytes);
    const route: Route = {
      app: before?.app ?? { id: randomUUID(), name },
      revision: this.#revision,
      hosts: [`${name}.localhost`],
      maintenance: false,
      release: slug && {
        id: randomUUID(),
        version: (before?.release?.version ?? 1) + 1,
        slug: slug.sha256,
        commit: null,
        createdAt: new Date().toISOString(),
        config: {},
      },
      formation: { web: 1 },
      ...change,
    };
    this.routes.set(`${name}.localhost`, route);
    return route;
  }

  /** Announces a route to every runner, as the edge does; the answers' statuses. */
  announce(route: Route): Promise<number[]> {
    return Promise.all(
      this.#private.map(async ({ port }) => {
        const response = await fetch(`http://127.0.0.1:${port}/routes`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${SECRET}` },
          body: JSON.stringify(route),
        });
        return response.status;
      }),
    );
  }

  get(app: string, path = '/', options: Parameters<typeof request>[3] & { runner?: number } = {}): Promise<Answer> {
    return request(this.port(options.runner), `${app}.localhost`, path, options);
  }

  /** The lines of an app's log that have arrived, `dyno: text`. */
  log(app: string): string {
    const id = this.routes.get(`${app}.localhost`)?.app.id;
    return this.logs.flatMap((line) => (line.app === id ? [`${line.dyno}: ${line.text}`] : [])).join('\n');
  }

  async #answers(port: number): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      // A socket that nobody accepts on yet takes connections all the same.
      const ping = fetch(`http://127.0.0.1:${port}/ping`, { signal: AbortSignal.timeout(500) });
      if (
        await ping.then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
    }
    await this.stop();
    throw new Error(`The runner does not answer:\n${this.output}`);
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    this.#edge.close();
    this.#edge.closeAllConnections();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
