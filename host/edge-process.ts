import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LogLine } from '../schema/route.ts';
import { Child, tiedToParent } from './child.ts';
import type { EdgeOptions } from './edge.ts';
import { whilePaused } from './process-group.ts';
import type { Confinement } from './runner-pool.ts';
import type { SecretKey } from './secret-key.ts';
import { workerd } from './workerd.ts';

/** How often and how soon an order is given again, while the edge starts. */
const TRIES = 40;
const RETRY_MS = 250;

interface EdgeProcessOptions {
  edge: EdgeOptions;
  secretKey: SecretKey;
  /** A directory for files of this start. */
  run: string;
  report: (line: string) => void;
}

/** The edge process (edge.ts), and what the supervisor asks of it. */
export class EdgeProcess {
  readonly #options: EdgeProcessOptions;
  readonly #child: Child;
  #ready = Promise.withResolvers<void>();

  constructor(options: EdgeProcessOptions) {
    this.#options = options;
    this.#writeWrapper();
    this.#child = new Child({
      name: 'edge',
      command: process.execPath,
      args: [fileURLToPath(new URL('./edge.ts', import.meta.url))],
      env: this.#env,
      ipc: true,
      onStart: (child) => child.on('message', (message) => message === 'ready' && this.#ready.resolve()),
      report: options.report,
    });
  }

  /** Resolves when it takes requests. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Starts it anew, from the bundle and with the secret key that are there now. */
  async restart(): Promise<void> {
    this.#ready = Promise.withResolvers();
    await this.#child.restart(this.#env);
    await this.#ready.promise;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  /** Runs `work` while nothing of it runs, so that nobody writes to the storage. */
  async whilePaused(work: () => Promise<void>): Promise<void> {
    const { pid } = this.#child;
    await (pid === undefined ? work() : whilePaused(pid, work));
  }

  /** A new secret key. The control plane starts anew; how many releases are encrypted anew. */
  async rotateKey(): Promise<number> {
    this.#options.secretKey.replace();
    await this.restart();
    return this.finishRotation();
  }

  /** Encrypts with the present secret key what only the one before opens, and forgets that one. */
  async finishRotation(): Promise<number> {
    const response = await this.#tell('POST', '/reseal');
    const { resealed } = (await response.json()) as { resealed: number };
    this.#options.secretKey.forgetPrevious();
    return resealed;
  }

  /** Tells it where an app runs. */
  async confine(order: Confinement): Promise<void> {
    await this.#tellPatiently('PUT', '/confinement', order);
  }

  /** Has it write lines to the logs of apps. */
  async log(lines: LogLine[]): Promise<void> {
    await this.#tellPatiently('POST', '/logs', lines);
  }

  /** Again and again while it starts. */
  async #tellPatiently(method: string, path: string, body: unknown): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await this.#tell(method, path, body);
        return;
      } catch (error) {
        if (tries === TRIES) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** Tells it that every app runs where it would by itself. */
  async confineNone(): Promise<void> {
    await this.#tell('DELETE', '/confinement');
  }

  async #tell(method: string, path: string, body?: unknown): Promise<Response> {
    const { port, vars } = this.#options.edge;
    const response = await fetch(`http://127.0.0.1:${port}/internal${path}`, {
      method,
      headers: { authorization: `Bearer ${vars.INTERNAL_SECRET}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`The edge answered ${response.status} to ${method} ${path}.`);
    return response;
  }

  get #env(): NodeJS.ProcessEnv {
    const { edge, secretKey } = this.#options;
    const { current, previous } = secretKey;
    const vars = { ...edge.vars, SECRET_KEY: current, ...(previous && { PREVIOUS_SECRET_KEY: previous }) };
    return {
      ...process.env,
      EDGE_OPTIONS: JSON.stringify({ ...edge, vars }),
      MINIFLARE_WORKERD_PATH: this.#wrapper,
    };
  }

  get #wrapper(): string {
    return join(this.#options.run, 'workerd');
  }

  /** Miniflare starts workerd itself, from this path: so that it, too, ends when its parent does. */
  #writeWrapper(): void {
    const [command, args] = tiedToParent(workerd, []);
    writeFileSync(this.#wrapper, `#!/bin/sh\nexec ${[command, ...args].map(quote).join(' ')} "$@"\n`);
    chmodSync(this.#wrapper, 0o700);
  }
}

/** Single quotes, for a shell. */
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
