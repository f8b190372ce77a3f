import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stop as stopEsbuild } from 'esbuild';
import { bundleEdge, bundleRunner } from '../edge/bundle.ts';
import { Child } from './child.ts';
import { listenForOrders } from './control.ts';
import type { DataDir } from './data-dir.ts';
import { EdgeProcess } from './edge-process.ts';
import { freePort } from './free-port.ts';
import { type Address, openSockets, type Socket } from './listen.ts';
import { RunnerPool } from './runner-pool.ts';
import { RunnerProcesses } from './runner-processes.ts';
import { type Settings, StartError } from './settings.ts';
import { takeSnapshot } from './snapshot.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** How long the parts may take to start. Milliseconds. */
const START_PATIENCE_MS = 60_000;

/** How many apps can have a runner of their own at a time. */
const LONE_RUNNERS = 8;

/** Starts edge, builder and runners, keeps them running, and stops them. */
export class Supervisor {
  readonly #settings: Settings;
  readonly #dataDir: DataDir;
  #edge: EdgeProcess | undefined;
  #builder: Child | undefined;
  #runners: RunnerPool | undefined;
  #runnerProcesses: RunnerProcesses | undefined;
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
    const { port, runners, appsDomain, runnerMemory, idleMs } = this.#settings;
    const { apiKey, path, run, secretKey, storage } = this.#dataDir;
    const loopback = { host: '127.0.0.1', port: 0 };
    const listening = await this.#listenPublicly();
    const shared = await openSockets(Array.from({ length: runners }, () => loopback));
    const [edgePort, builderPort] = [await freePort(), await freePort()];
    const lonePorts = await Promise.all(Array.from({ length: LONE_RUNNERS }, freePort));
    const internalSecret = randomBytes(32).toString('base64url');

    const [edgeScript, runnerScript] = await bundle();

    progress('Starting edge, builder and runners');
    /** What edge and runners both know. */
    const vars = {
      APPS_DOMAIN: appsDomain,
      PUBLIC_PORT: String(port),
      INTERNAL_SECRET: internalSecret,
      RUNNERS: urlsOf(shared.map((socket) => socket.port)),
      LONE_RUNNERS: urlsOf(lonePorts),
    };
    const edge = new EdgeProcess({
      edge: {
        port: edgePort,
        script: edgeScript,
        wranglerToml: file('../wrangler.toml'),
        storage,
        vars: {
          ...vars,
          API_KEY: apiKey,
          BUILDER_URL: `http://127.0.0.1:${builderPort}`,
          EDGE_URL: `http://127.0.0.1:${edgePort}`,
        },
      },
      secretKey,
      run,
      report,
    });
    this.#edge = edge;
    const builderReady = this.#startBuilder(builderPort, internalSecret);
    const trace = randomBytes(16).toString('base64url');
    const processes = new RunnerProcesses({
      listening,
      shared: shared.length,
      edgePort,
      idleMs,
      env: { ...vars, TRACE: trace },
      run,
      report,
    });
    processes.configure(runnerScript);
    this.#runnerProcesses = processes;
    this.#runners = new RunnerPool({
      shared,
      lonePorts,
      trace,
      memoryLimit: runnerMemory,
      confine: (order) => edge.confine(order),
      log: (lines) => edge.log(lines),
      spawn: (index, socket, handlers) => processes.start(index, socket, handlers),
      report,
    });
    await withPatience(Promise.all([edge.ready, builderReady]).then(() => answers(port)));
    await edge.confineNone();
    if (secretKey.previous) await edge.finishRotation();
    this.#orders = await listenForOrders(path, {
      '/snapshot': () => this.#snapshot(edge),
      '/rotate-key': async () => ({ resealed: await edge.rotateKey() }),
      '/restart': () => this.#restart(edge),
    });
  }

  async stop(): Promise<void> {
    this.#orders?.close();
    await Promise.all([this.#runners?.stop(), this.#edge?.stop(), this.#builder?.stop()]);
    rmSync(this.#dataDir.run, { recursive: true, force: true });
  }

  /** A copy of the storage, `snapshot` in the data directory. Apps are served meanwhile; the control plane waits. */
  async #snapshot(edge: EdgeProcess): Promise<{ pausedMs: number }> {
    const { storage, path } = this.#dataDir;
    return { pausedMs: await takeSnapshot(storage, join(path, 'snapshot'), (work) => edge.whilePaused(work)) };
  }

  /** Starts every part anew from the code that is there now. Apps are served all the while. */
  async #restart(edge: EdgeProcess): Promise<void> {
    const [, runnerScript] = await bundle();
    await Promise.all([edge.restart(), this.#builder?.restart()]);
    this.#runnerProcesses?.configure(runnerScript);
    await this.#runners?.replace();
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

  #startBuilder(port: number, internalSecret: string): Promise<void> {
    const { appsDomain } = this.#settings;
    const ready = Promise.withResolvers<void>();
    this.#builder = new Child({
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
      report,
    });
    return ready.promise;
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

/** JSON of loopback URLs. */
const urlsOf = (ports: number[]): string => JSON.stringify(ports.map((port) => `http://127.0.0.1:${port}`));

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
