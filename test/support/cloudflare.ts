import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'smol-toml';
import { bundleEdge } from '../../edge/bundle.ts';
import { freePort } from '../../host/free-port.ts';
import { type Answer, request } from './request.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const WRANGLER = join(root, 'node_modules/wrangler/bin/wrangler.js');
const API_KEY = 'the-key-of-the-operator';

/** How long each part may take to be ready. Milliseconds. */
const PATIENCE_MS = 120_000;

/**
 * The Worker as `wrangler deploy` would send it, with the bindings of wrangler.toml, run by `wrangler dev`: as on
 * Cloudflare there are no runners, and text is not evaluated while a Worker serves. A builder runs beside it.
 */
export class CloudflareWorker {
  readonly port: number;
  readonly #directory: string;
  readonly #processes: ChildProcess[] = [];
  /** All that its processes have printed. */
  output = '';

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
  }

  static async start(): Promise<CloudflareWorker> {
    const worker = new CloudflareWorker(await freePort(), await mkdtemp(join(tmpdir(), 'islet-cloudflare-')));
    try {
      await worker.#start();
      return worker;
    } catch (error) {
      await worker.stop();
      throw new Error(`It did not start:\n${worker.output}`, { cause: error });
    }
  }

  async #start(): Promise<void> {
    const [builderPort, inspectorPort] = [await freePort(), await freePort()];
    const internalSecret = randomBytes(32).toString('base64url');
    await mkdir(this.#worker);
    const secrets = {
      API_KEY,
      SECRET_KEY: randomBytes(32).toString('base64'),
      INTERNAL_SECRET: internalSecret,
      BUILDER_URL: `http://127.0.0.1:${builderPort}`,
      EDGE_URL: `http://127.0.0.1:${this.port}`,
    };
    await this.#write(
      'secrets.env',
      Object.entries(secrets)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    // The bundle is a copy, in a directory of its own: wrangler loads the Worker anew when anything there changes.
    await copyFile(await bundleEdge(), join(this.#worker, 'edge.js'));
    const { build, ...config } = parse(await readFile(join(root, 'wrangler.toml'), 'utf8'));
    const [database] = config.d1_databases as object[];
    const databases = [{ ...database, migrations_dir: join(root, 'schema/migrations') }];
    await this.#write('wrangler.json', JSON.stringify({ ...config, main: 'edge.js', d1_databases: databases }));

    this.#spawn([join(root, 'builder/main.ts')], {
      BUILDER_PORT: String(builderPort),
      INTERNAL_SECRET: internalSecret,
      CACHE_DIR: join(this.#directory, 'cache'),
      WORK_DIR: join(this.#directory, 'work'),
    });
    const [code] = await once(this.#wrangler('d1', 'migrations', 'apply', 'DB'), 'exit');
    if (code !== 0) throw new Error('The migrations failed.');
    const ports = ['--port', String(this.port), '--inspector-port', String(inspectorPort)];
    this.#wrangler('dev', ...ports, '--env-file', 'secrets.env', '--infer-origin-from-routes=false');
    await this.#isReady();
  }

  get #worker(): string {
    return join(this.#directory, 'worker');
  }

  #wrangler(...args: string[]): ChildProcess {
    return this.#spawn([WRANGLER, ...args, '--local', '--persist-to', join(this.#directory, 'state')]);
  }

  #write(name: string, text: string): Promise<void> {
    return writeFile(join(this.#worker, name), text);
  }

  #spawn(args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, args, {
      cwd: this.#worker,
      env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, which is ended with all that it has started.
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes) => {
        this.output += bytes;
      });
    }
    this.#processes.push(child);
    return child;
  }

  async #isReady(): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      const answer = await request(this.port, 'localhost', '/health').catch(() => undefined);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('The Worker is not ready.');
  }

  /** A call of the Platform API as the operator. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { text } = await request(this.port, 'localhost', path, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return JSON.parse(text);
  }

  app(name: string, path = '/', options: Parameters<typeof request>[3] = {}): Promise<Answer> {
    return request(this.port, `${name}.localhost`, path, options);
  }

  /** The git remote of an app. */
  remote(name: string): string {
    return `http://islet:${API_KEY}@localhost:${this.port}/${name}.git`;
  }

  /** The app's log so far. */
  async log(name: string): Promise<string> {
    const session = await this.api<{ logplex_url: string }>('POST', `/apps/${name}/log-sessions`, { lines: 1500 });
    const { pathname, search } = new URL(session.logplex_url);
    return (await request(this.port, 'localhost', pathname + search)).text;
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    }
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
