import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../host/free-port.ts';
import { type Answer, request } from './request.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A platform of a test's own, started as a person starts it. */
export class Platform {
  readonly port: number;
  readonly dataDir: string;
  /** All it has printed. */
  output = '';
  #process: ChildProcess | undefined;

  private constructor(port: number, dataDir: string) {
    this.port = port;
    this.dataDir = dataDir;
  }

  /** Starts one on a free port and an empty data directory. */
  static async start(env: Record<string, string> = {}): Promise<Platform> {
    const platform = new Platform(await freePort(), await mkdtemp(join(tmpdir(), 'islet-test-')));
    await platform.start(env);
    return platform;
  }

  /** Starts one on a data directory that is there. */
  static async on(dataDir: string): Promise<Platform> {
    const platform = new Platform(await freePort(), dataDir);
    await platform.start();
    return platform;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  get apiKey(): string {
    const [, key] = /API key +(\S+)/.exec(this.output) ?? [];
    if (!key) throw new Error(`No API key in the output:\n${this.output}`);
    return key;
  }

  get pid(): number {
    if (!this.#process?.pid) throw new Error('The platform does not run.');
    return this.#process.pid;
  }

  /** Starts it (again) on the same port and data directory; returns when it says that it is ready. */
  async start(env: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.execPath, ['host/main.ts'], {
      cwd: root,
      env: { ...process.env, PORT: String(this.port), DATA_DIR: this.dataDir, RUNNERS: '2', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.output = '';
    const ready = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => {
        this.output += bytes;
        if (this.output.includes('Ctrl-C stops it')) ready.resolve();
      });
    }
    child.once('exit', (code) => ready.reject(new Error(`The platform ended with code ${code}:\n${this.output}`)));
    await ready.promise;
  }

  /** Stops it with `signal`, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return null;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
    return promise;
  }

  /** Stops it and deletes its data. */
  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A call of the Platform API as the operator; `body` is sent as JSON, `range` as its header. */
  async api<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    range?: string,
  ): Promise<{ status: number; body: T }> {
    return this.apiAs(this.apiKey, method, path, body, range);
  }

  /** The same as whoever has that key. */
  async apiAs<T = Record<string, unknown>>(
    key: string,
    method: string,
    path: string,
    body?: unknown,
    range?: string,
  ): Promise<{ status: number; body: T }> {
    const answer = await request(this.port, 'localhost', path, {
      method,
      headers: {
        accept: 'application/vnd.heroku+json; version=3',
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        ...(range && { range }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(answer.text) };
  }

  /** A list of the Platform API, newest first. */
  async newest<T = Record<string, unknown>>(path: string, field: string): Promise<T[]> {
    return (await this.api<T[]>('GET', path, undefined, `${field} ..; order=desc`)).body;
  }

  /** A request to an app, as a browser sends it. */
  app(name: string, path = '/', options: Parameters<typeof request>[3] = {}): Promise<Answer> {
    return request(this.port, `${name}.localhost`, path, options);
  }

  /** The git remote of an app. */
  remote(name: string): string {
    return `http://islet:${this.apiKey}@localhost:${this.port}/${name}.git`;
  }

  /** The app's log so far. */
  async log(name: string): Promise<string> {
    const { body } = await this.api<{ logplex_url: string }>('POST', `/apps/${name}/log-sessions`, { lines: 1500 });
    const { pathname, search } = new URL(body.logplex_url);
    return (await request(this.port, 'localhost', pathname + search)).text;
  }
}
