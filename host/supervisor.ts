import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stop as stopEsbuild } from 'esbuild';
import { bundleEdge, bundleRunner } from '../edge/bundle.ts';
import { runnerConfig } from '../edge/runner/config.ts';
import { Child, tiedToParent } from './child.ts';
import { listenForOrders } from './control.ts';
import type { DataDir } from './data-dir.ts';
import type { EdgeOptions } from './edge.ts';
import { freePort } from './free-port.ts';
import { type Address, openSockets, type Socket } from './listen.ts';
import { whilePaused } from './process-group.ts';
import { type Confinement, RunnerPool } from './runner-pool.ts';
import { type Settings, StartError } from './settings.ts';
import { takeSnapshot } from './snapshot.ts';
import { workerd } from './workerd.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** How long the parts may take to start. Milliseconds. */
const START_PATIENCE_MS = 60_000;

/** How many apps can have a runner of their own at a time. */
const LONE_RUNNERS = 8;

/** How often and how soon an order to the edge is given again, while it starts. */
const EDGE_TRIES = 40;
const EDGE_RETRY_MS = 250;

interface RunnersOptions {
  edgeOptions: EdgeOptions;
  /** The public sockets. */
  listening: Socket[];
  privates: Socket[];
  lonePorts: number[];
}

/** Starts edge, builder and runners, keeps them running, and stops them. */
export class Supervisor {
  readonly #settings: Settings;
  readonly #dataDir: DataDir;
  readonly #children: Child[] = [];
  #runners: RunnerPool | undefined;
  #edge: Child | undefined;
  #builder: Child | undefined;
  #edgeReady = Promise.withResolvers<void>();
  #orders: Server | undefined;

  constructor(settings: Settings, dataDir: DataDir) {
    this.#settings = settings;
    this.#dataDir = dataDir;
  }

  /**
   * Returns when the platform answers.
   * @throws StartError when it cannot
   */
  async start(): Promise<void> {
    const { port, runners, appsDomain } = this.#settings;
    const loopback = { host: '127.0.0.1', port: 0 };
    const listening = await this.#listenPublicly();
    const privates = await openSockets(Array.from({ length: runners }, () => loopback));
    const [edgePort, builderPort] = [await freePort(), await freePort()];
    const lonePorts = await Promise.all(Array.from({ length: LONE_RUNNERS }, freePort));
    const edgeUrl = `http://127.0.0.1:${edgePort}`;
    const internalSecret = randomBytes(32).toString('base64url');

    const [edgeScript, runnerScript] = await bundle();

    progress('Starting edge, builder and runners');
    const urls = (ports: number[]) => JSON.stringify(ports.map((each) => `http://127.0.0.1:${each}`));
    const edgeOptions: EdgeOptions = {
      port: edgePort,
      script: edgeScript,
      wranglerToml: file('../wrangler.toml'),
      storage: this.#dataDir.storage,
      vars: {
        APPS_DOMAIN: appsDomain,
        PUBLIC_PORT: String(port),
        API_KEY: this.#dataDir.apiKey,
        INTERNAL_SECRET: internalSecret,
        BUILDER_URL: `http://127.0.0.1:${builderPort}`,
        EDGE_URL: edgeUrl,
        RUNNERS: urls(privates.map((socket) => socket.port)),
        LONE_RUNNERS: urls(lonePorts),
      },
    };
    const edge = this.#startEdge(edgeOptions);
    const builder = this.#startBuilder(builderPort, internalSecret);
    this.#configureRunners(runnerScript, edgeOptions, listening);
    this.#startRunners({ edgeOptions, listening, privates, lonePorts });
    await withPatience(Promise.all([edge, builder]).then(() => answers(port)));
    await this.#tellEdge(edgeOptions, 'DELETE', '/confinement');
    if (this.#dataDir.secretKey.previous) await this.#finishRotation(edgeOptions);
    this.#orders = await listenForOrders(this.#dataDir.path, {
      '/snapshot': () => this.#snapshot(),
      '/rotate-key': () => this.#rotateKey(edgeOptions),
      '/restart': () => this.#restart(edgeOptions, listening),
    });
  }

  async stop(): Promise<void> {
    this.#orders?.close();
    await Promise.all([this.#runners?.stop(), ...this.#children.map((child) => child.stop())]);
    rmSync(this.#dataDir.run, { recursive: true, force: true });
  }

  /** A copy of the storage, `snapshot` in the data directory. Apps are served meanwhile; the control plane waits. */
  async #snapshot(): Promise<{ pausedMs: number }> {
    const { storage, path } = this.#dataDir;
    const group = this.#edge?.pid;
    const pausedMs = await takeSnapshot(storage, join(path, 'snapshot'), (work) =>
      group === undefined ? work() : whilePaused(group, work),
    );
    return { pausedMs };
  }

  async #listenPublicly(): Promise<Socket[]> {
    const { host, port } = this.#settings;
    if (host) return openSockets([{ host, port }]);
    const both: Address[] = [
      { host: '127.0.0.1', port },
      { host: '::1', port },
    ];
    return openSockets(both).catch((error: Error) => {
      // A machine without IPv6 has no ::1.
      if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(error.message)) return openSockets(both.slice(0, 1));
      throw error;
    });
  }

  #startEdge(options: EdgeOptions): Promise<void> {
    // Miniflare starts workerd itself, from this path: so that it, too, ends when its parent does.
    const wrapper = join(this.#dataDir.run, 'workerd');
    mkdirSync(this.#dataDir.run, { recursive: true });
    const [command, args] = tiedToParent(workerd, []);
    writeFileSync(wrapper, `#!/bin/sh\nexec ${[command, ...args].map(quote).join(' ')} "$@"\n`);
    chmodSync(wrapper, 0o700);
    this.#edge = this.#run({
      name: 'edge',
      command: process.execPath,
      args: [file('./edge.ts')],
      env: this.#edgeEnv(options),
      ipc: true,
      onStart: (child) => child.on('message', (message) => message === 'ready' && this.#edgeReady.resolve()),
    });
    return this.#edgeReady.promise;
  }

  #edgeEnv(options: EdgeOptions): NodeJS.ProcessEnv {
    const { current, previous } = this.#dataDir.secretKey;
    const vars = { ...options.vars, SECRET_KEY: current, ...(previous && { PREVIOUS_SECRET_KEY: previous }) };
    return {
      ...process.env,
      EDGE_OPTIONS: JSON.stringify({ ...options, vars }),
      MINIFLARE_WORKERD_PATH: join(this.#dataDir.run, 'workerd'),
    };
  }

  /** A new secret key. Apps are served meanwhile; the control plane starts anew. */
  async #rotateKey(options: EdgeOptions): Promise<{ resealed: number }> {
    this.#dataDir.secretKey.replace();
    await this.#restartEdge(options);
    return this.#finishRotation(options);
  }

  /** Encrypts with the new key what only the one before opens, and forgets that one. */
  async #finishRotation(options: EdgeOptions): Promise<{ resealed: number }> {
    const response = await this.#tellEdge(options, 'POST', '/reseal');
    const answer = (await response.json()) as { resealed: number };
    this.#dataDir.secretKey.forgetPrevious();
    return answer;
  }

  async #restartEdge(options: EdgeOptions): Promise<void> {
    this.#edgeReady = Promise.withResolvers();
    await this.#edge?.restart(this.#edgeEnv(options));
    await this.#edgeReady.promise;
  }

  #startBuilder(port: number, internalSecret: string): Promise<void> {
    const { appsDomain } = this.#settings;
    const ready = Promise.withResolvers<void>();
    this.#builder = this.#run({
      name: 'builder',
      command: process.execPath,
      args: [file('../builder/main.ts')],
      env: {
        ...process.env,
        BUILDER_PORT: String(port),
        INTERNAL_SECRET: internalSecret,
        CACHE_DIR: this.#dataDir.cache,
        WORK_DIR: this.#dataDir.work,
        RENDEZVOUS_DIR: this.#dataDir.path,
        RENDEZVOUS_HOST: this.#settings.host ?? '127.0.0.1',
        RENDEZVOUS_NAMES: [...new Set(['localhost', '127.0.0.1', '::1', appsDomain, `api.${appsDomain}`])].join(','),
      },
      ipc: true,
      onStart: (child) => child.on('message', () => ready.resolve()),
    });
    return ready.promise;
  }

  /** Where the configuration of runners is. */
  #runnerConfig(lone: boolean): string {
    return join(this.#dataDir.run, lone ? 'lone-runner.capnp' : 'runner.capnp');
  }

  #configureRunners(script: string, { port }: EdgeOptions, listening: Socket[]): void {
    for (const lone of [false, true]) {
      const timeouts = { idleMs: this.#settings.idleMs };
      const config = runnerConfig({ script, edge: `127.0.0.1:${port}`, ipv6: listening.length > 1, lone, timeouts });
      writeFileSync(this.#runnerConfig(lone), config);
    }
  }

  /** Starts every part anew from the code that is there now. Apps are served all the while. */
  async #restart(options: EdgeOptions, listening: Socket[]): Promise<void> {
    const [, runnerScript] = await bundle();
    await Promise.all([this.#restartEdge(options), this.#builder?.restart()]);
    this.#configureRunners(runnerScript, options, listening);
    await this.#runners?.replace();
  }

  #startRunners({ edgeOptions: { vars, ...edge }, listening, privates, lonePorts }: RunnersOptions): void {
    const trace = randomBytes(16).toString('base64url');
    const { INTERNAL_SECRET = '', RUNNERS = '', LONE_RUNNERS = '', APPS_DOMAIN = '', PUBLIC_PORT = '' } = vars;
    const env = { INTERNAL_SECRET, RUNNERS, LONE_RUNNERS, APPS_DOMAIN, PUBLIC_PORT, TRACE: trace };
    this.#runners = new RunnerPool({
      shared: privates,
      lonePorts,
      trace,
      memoryLimit: this.#settings.runnerMemory,
      confine: (order) => this.#confine({ ...edge, vars }, order),
      report,
      spawn: (index, socket, onLine) => {
        const isLone = index >= privates.length;
        const names = ['http', 'http6'];
        const publics = isLone ? [] : listening.map(({ fd }, i) => [names[i], fd] as const);
        const sockets = [...publics, ['private', socket.fd] as const];
        return new Child({
          name: `runner ${index}`,
          command: workerd,
          args: [
            'serve',
            '--experimental',
            ...sockets.map(([name], i) => `--socket-fd=${name}=${i + 3}`),
            this.#runnerConfig(isLone),
          ],
          env: { ...env, RUNNER: String(index) },
          sockets: sockets.map(([, fd]) => fd),
          onLine,
          report,
        });
      },
    });
  }

  /** Tells the edge where an app runs, again and again while it starts. */
  async #confine(options: EdgeOptions, order: Confinement): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await this.#tellEdge(options, 'PUT', '/confinement', order);
        return;
      } catch (error) {
        if (tries === EDGE_TRIES) throw error;
        await delay(EDGE_RETRY_MS);
      }
    }
  }

  async #tellEdge(options: EdgeOptions, method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${options.port}/internal${path}`, {
      method,
      headers: { authorization: `Bearer ${options.vars.INTERNAL_SECRET}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`The edge answered ${response.status} to ${method} ${path}.`);
    return response;
  }

  #run(options: Omit<ConstructorParameters<typeof Child>[0], 'report'>): Child {
    const child = new Child({ ...options, report });
    this.#children.push(child);
    return child;
  }
}

const report = (line: string): void => console.error(line);

/** Paths of the two Workers, bundled: the edge's and the runner's. */
async function bundle(): Promise<[string, string]> {
  progress('Bundling the Workers');
  const scripts = await Promise.all([bundleEdge(), bundleRunner()]);
  // Its process is of no more use.
  await stopEsbuild();
  return scripts;
}

const progress = (line: string): void => console.log(`${line} …`);

/** Single quotes, for a shell. */
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

async function answers(port: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://localhost:${port}/health`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function withPatience(ready: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      late.reject(
        new StartError(`Its parts were not ready after ${START_PATIENCE_MS / 1000} s; the lines above say more.`),
      ),
    START_PATIENCE_MS,
  );
  await Promise.race([ready, late.promise]).finally(() => clearTimeout(timer));
}
