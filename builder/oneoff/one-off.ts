/** One run of one command in a machine of its own, with an app's slug and environment. */
import type { ReadableStream } from 'node:stream/web';
import { type Child, createSandbox, LimitError, type Sandbox } from '../../sandbox/index.ts';
import type { OneOffDyno, OneOffOrder } from '../../schema/one-off.ts';
import type { SlugManifest } from '../../schema/slug.ts';
import { AppLog } from './app-log.ts';
import { languageOf } from './languages.ts';
import { home, unpackPackages, unpackSlug } from './tree.ts';

/** As long as Heroku lets a one-off dyno and a release command run ("One-off Dynos"; "Release Phase"). Milliseconds. */
const limits = { run: 24 * 3_600_000, release: 3_600_000 };

/** MiB: twice what Heroku's Basic dynos have, as the engine takes its part of it. */
const MEMORY = 1024;

/** Bytes that a command may print: more than anybody reads, and an end to what prints for ever. */
const OUTPUT = 2 ** 30;

/** After SIGTERM, as on Heroku ("Dynos and the Dyno Manager"). Milliseconds. */
const KILL_AFTER_MS = 30_000;

/** What is at the other end of a command. */
export interface Terminal {
  /** Takes what the command prints. */
  write(text: string): void;
  /** Gives what the person types to the command, once it runs. */
  connect(child: Child): void;
}

export interface Ended {
  /** As a shell says it: 143 for SIGTERM. */
  status: number;
  /** Why the platform ended it, in one sentence. */
  reason?: string;
}

export class OneOff {
  readonly order: OneOffOrder;
  /** `run.1234` */
  readonly name: string;
  readonly #secret: string;
  readonly #log: AppLog;
  readonly #createdAt = Date.now();
  readonly #stop = new AbortController();
  #since = Date.now();
  #state: OneOffDyno['state'] = 'starting';
  #child: Child | undefined;

  constructor(order: OneOffOrder, name: string, secret: string) {
    this.order = order;
    this.name = name;
    this.#secret = secret;
    this.#log = new AppLog(order.logs, secret, { app: order.app.id, dyno: name });
  }

  get status(): OneOffDyno {
    const { id, type, command, size, release } = this.order;
    const { name } = this;
    return {
      id,
      name,
      type,
      command,
      size,
      release,
      state: this.#state,
      createdAt: this.#createdAt,
      since: this.#since,
    };
  }

  /** Says in the app's log that it waits for its client. */
  await(): void {
    this.#log.heroku('Awaiting client');
  }

  /** The client did not come. */
  async abandon(): Promise<void> {
    this.#log.heroku('Error R13 (Attach error) -> Failed to attach to process');
    await this.#exit({ status: 128 });
  }

  /** Ends it: SIGTERM, and SIGKILL when that is not enough. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#log.heroku('Stopping all processes with SIGTERM');
    this.#child?.kill('SIGTERM');
    const kill = () => this.#stop.abort(new Error('The dyno was stopped.'));
    if (this.#child) setTimeout(kill, KILL_AFTER_MS).unref();
    else kill();
  }

  /** Runs the command to its end. What it prints goes to the log too, unless a person sees it. */
  async run(terminal: Terminal): Promise<Ended> {
    this.#log.heroku(`Starting process with command \`${this.order.command}\``);
    const ended = await this.#run(terminal).catch((error: unknown): Ended => {
      if (this.#stop.signal.aborted) return { status: 143 };
      if (error instanceof LimitError) return { status: 137, reason: reasonOf(error) };
      console.error(`${this.name} of ${this.order.app.name}:`, error);
      return { status: 1, reason: 'The platform failed to run it; its log says more.' };
    });
    await this.#exit(ended);
    return ended;
  }

  async #run(terminal: Terminal): Promise<Ended> {
    const { type, mode } = this.order;
    const wallMs = mode === 'release' ? limits.release : limits.run;
    const sandbox = await createSandbox({
      network: 'public',
      limits: { wallMs, memoryMiB: MEMORY, outputBytes: OUTPUT },
      signal: this.#stop.signal,
    });
    try {
      const { manifest, code } = await unpackSlug(await this.#fetch(this.order.slug), sandbox);
      for (const sha256 of manifest.packages ?? []) {
        await unpackPackages(await this.#fetch(`${this.order.packages}/${sha256}`), sandbox);
      }
      await this.#addLanguage(manifest, code, sandbox);
      this.#become('up');
      this.#log.heroku('State changed from starting to up');
      const print = (text: string) => {
        terminal.write(text);
        if (mode !== 'attached') this.#log.output(text);
      };
      const [out, error] = [new TextDecoder(), new TextDecoder()];
      const child = sandbox.spawn('bash', argumentsOf(this.order, manifest), {
        cwd: home,
        env: this.#environment(manifest, type),
        stdin: mode === 'attached' ? 'pipe' : undefined,
        onStdout: (chunk) => print(out.decode(chunk, { stream: true })),
        onStderr: (chunk) => print(error.decode(chunk, { stream: true })),
      });
      this.#child = child;
      terminal.connect(child);
      return await this.#exited(child);
    } finally {
      await sandbox.close();
    }
  }

  async #addLanguage(manifest: SlugManifest, code: Map<string, Uint8Array>, sandbox: Sandbox): Promise<void> {
    const language = languageOf(manifest);
    if (!language) return;
    const shared = await Promise.all(
      Object.entries(manifest.shared ?? {}).map(async ([name, sha256]) => {
        const stream = await this.#fetch(`${this.order.packages}/${sha256}`);
        return [name, new Uint8Array(await new Response(stream as never).arrayBuffer())] as const;
      }),
    );
    await sandbox.writeEntries(await language.programs({ shared: new Map(shared), code }));
  }

  async #exited(child: Child): Promise<Ended> {
    const { exitCode, signal } = await child.exited;
    return { status: exitCode ?? statuses[signal ?? ''] ?? 128 };
  }

  #environment(manifest: SlugManifest, type: string): Record<string, string> {
    return {
      HOME: home,
      ...manifest.env,
      ...this.order.env,
      PATH: [
        this.order.env.PATH,
        ...[languageOf(manifest)?.path, 'node_modules/.bin', 'bin'].flatMap((path) =>
          path ? [`${home}/${path}`] : [],
        ),
        '/usr/local/bin',
        '/usr/bin',
        '/bin',
      ]
        .filter(Boolean)
        .join(':'),
      PORT: '5000',
      DYNO: this.name,
      HEROKU_RELEASE_VERSION: `v${this.order.release.version}`,
      ...(type === 'release' && { HEROKU_PHASE: 'release' }),
    };
  }

  async #fetch(url: string): Promise<ReadableStream<Uint8Array>> {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${this.#secret}` },
      signal: this.#stop.signal,
    });
    if (!response.ok || !response.body) throw new Error(`The edge answered ${response.status} for ${url}`);
    return response.body as ReadableStream<Uint8Array>;
  }

  async #exit({ status, reason }: Ended): Promise<void> {
    if (reason) this.#log.heroku(reason);
    await this.#log.flush();
    this.#log.heroku(`Process exited with status ${status}`);
    this.#log.heroku(`State changed from ${this.#state} to complete`);
    await this.#log.flush();
  }

  #become(state: OneOffDyno['state']): void {
    this.#state = state;
    this.#since = Date.now();
  }
}

/** What a shell runs for the command: a process type of the slug stands for its own command. */
export function argumentsOf({ command, tty }: Pick<OneOffOrder, 'command' | 'tty'>, manifest: SlugManifest): string[] {
  const [, first = '', rest = ''] = /^\s*(\S*)(.*)$/s.exec(command) ?? [];
  const named = Object.hasOwn(manifest.processTypes, first) ? manifest.processTypes[first] : undefined;
  if (named) return ['-c', `${named.command}${rest}`];
  return tty && /^(ba|da|a)?sh$/.test(command.trim()) ? ['-i'] : ['-c', command];
}

/** Why a limit ended the command, by Heroku's code where it has one ("Error Codes"). */
function reasonOf({ limit, used, message }: LimitError): string {
  if (limit !== 'memoryMiB') return message;
  return `Error R15 (Memory quota vastly exceeded) -> ${Math.ceil(used)}M of ${MEMORY}M; the process is killed.`;
}

/** 128 and the number of the signal. */
const statuses: Record<string, number> = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGKILL: 137, SIGTERM: 143 };
