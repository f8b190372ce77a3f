/**
 * A tiny machine for builds: a file tree, programs and a shell, limits, and one guarded way to the network. No native code
 * runs in it: a program is JavaScript in a V8 isolate, or WebAssembly.
 *
 * @example
 * const sandbox = await createSandbox();
 * await sandbox.importDirectory('/path/of/a/source/tree', '/app');
 * const { exitCode } = await sandbox.run('npm run build', { cwd: '/app', onStdout: (bytes) => log(bytes) });
 * await applyChanges(await sandbox.exportChanges('/app'), '/path/of/a/source/tree');
 * await sandbox.close();
 */
import { chmod } from 'node:fs/promises';
import { EntryCollector } from './collector.ts';
import { type EgressOptions, type Gateway, startGateway } from './egress.ts';
import { ImageEngine } from './images/index.ts';
import { defaultLimits, LimitError, type Limits } from './limits.ts';
import { type Machine, takeMachine } from './machine.ts';
import { watchMemory } from './memory.ts';
import { bytesAsEntries, channels, type Exit, encodeEntries, type TreeEntry } from './protocol.ts';
import { RemoteError, Rpc } from './rpc.ts';
import { readDirectory, readTar } from './tree.ts';
import { WasiEngine } from './wasi.ts';

export type { EgressOptions } from './egress.ts';
export { LimitError, type Limits } from './limits.ts';
export { warmMachine } from './machine.ts';
export type { Exit, TreeEntry } from './protocol.ts';
export { applyChanges } from './tree.ts';

export interface SandboxOptions {
  /** Those not given have generous defaults. */
  limits?: Partial<Limits>;
  /** Without it there is no network, but for `network`. */
  egress?: EgressOptions;
  /** `public`: whatever the machine connects to, by any protocol, as far as its address is not one of this host's or network's. */
  network?: 'gateway' | 'public';
  /** Closes the sandbox when aborted. */
  signal?: AbortSignal;
}

export interface CommandOptions {
  /** Absolute path in the machine; `/` by default. */
  cwd?: string;
  /** Added to the machine's own few variables (`PATH`, `HOME`, …). */
  env?: Readonly<Record<string, string>>;
  /** All of standard input, or `pipe` to write it piece by piece; without it there is none. */
  stdin?: Uint8Array | 'pipe';
  onStdout?: (chunk: Uint8Array) => void;
  onStderr?: (chunk: Uint8Array) => void;
  /** Sends SIGTERM to the command, and after five seconds SIGKILL. */
  signal?: AbortSignal;
}

/** A command under way. */
export interface Child {
  writeStdin(chunk: string | Uint8Array): void;
  endStdin(): void;
  /** Sends a signal, `SIGTERM` by default. */
  kill(signal?: string): void;
  /**
   * Resolves when it has ended.
   *
   * @throws LimitError when the machine was killed for a limit
   */
  readonly exited: Promise<Exit>;
}

const killAfterMs = 5000;

/**
 * Starts a machine.
 *
 * @throws what `signal` was aborted with
 */
export async function createSandbox({ limits, egress, network, signal }: SandboxOptions = {}): Promise<Sandbox> {
  signal?.throwIfAborted();
  const all = { ...defaultLimits, ...limits };
  const machine = await takeMachine(network);
  const egressSocket = `${machine.directory}/egress.sock`;
  const gateway = await startGateway(egressSocket, egress).catch(async (error: unknown) => {
    await machine.kill();
    throw error;
  });
  // The machine may be another user; nobody else can enter the directory.
  await chmod(egressSocket, 0o666);
  const sandbox = new Sandbox(machine, gateway, all);
  try {
    await sandbox.configure();
    signal?.throwIfAborted();
  } catch (error) {
    await sandbox.close();
    throw error;
  }
  const abort = () =>
    sandbox.fail(signal?.reason instanceof Error ? signal.reason : new Error('the sandbox was cancelled'));
  signal?.addEventListener('abort', abort, { once: true });
  sandbox.onClose(() => signal?.removeEventListener('abort', abort));
  return sandbox;
}

interface Running {
  onStdout: (chunk: Uint8Array) => void;
  onStderr: (chunk: Uint8Array) => void;
  output: number;
}

/** One machine; see `createSandbox`. */
export class Sandbox {
  readonly #machine: Machine;
  readonly #gateway: Gateway;
  readonly #limits: Limits;
  readonly #rpc: Rpc;
  readonly #running = new Map<number, Running>();
  /** Takes the files of an export, by the id of its call. */
  readonly #exports = new Map<number, EntryCollector>();
  readonly #wasi: WasiEngine;
  readonly #images: ImageEngine;
  readonly #closers: (() => void)[] = [];
  #failure: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor(machine: Machine, gateway: Gateway, limits: Limits) {
    this.#machine = machine;
    this.#gateway = gateway;
    this.#limits = limits;
    this.#wasi = new WasiEngine(limits);
    this.#images = new ImageEngine(limits);
    const { socket } = machine;
    this.#rpc = new Rpc(
      (message) => socket.send(message),
      {
        limit: (params) => {
          const { limit, used } = params as { limit?: unknown; used?: unknown };
          if (limit === 'files' || limit === 'treeBytes') this.#cross(limit, Number(used));
        },
        // The frames of a command come between these two calls.
        expectWasi: (_params, id) => this.#wasi.expect(id),
        wasi: (params) => {
          const { id } = params as { id: number };
          let output = 0;
          return this.#wasi.run(params, id, {
            onOutput: (channel, chunk) => {
              output += chunk.length;
              if (output > limits.outputBytes) this.#cross('outputBytes', output);
              this.#rpc.sendFrame(channels[channel], id, chunk);
            },
            onChanges: (entries) => {
              for (const batch of encodeEntries(entries)) this.#rpc.sendFrame(channels.files, id, batch);
            },
          });
        },
        expectImage: (_params, id) => this.#images.expect(id),
        image: async (params) => {
          const { id } = params as { id: number };
          const { value, bytes } = await this.#images.run(params, id).catch((error: unknown) => {
            if (error instanceof LimitError) this.#cross(error.limit, error.used);
            throw error;
          });
          for (const batch of encodeEntries(bytesAsEntries(bytes))) this.#rpc.sendFrame(channels.files, id, batch);
          return value;
        },
        killWasi: (id) => this.#wasi.kill(Number(id)),
      },
      (channel, id, payload) => this.#receive(channel, id, payload),
    );
    socket.on('message', (data: Buffer, isBinary) => {
      try {
        this.#rpc.receive(isBinary ? new Uint8Array(data) : data.toString());
      } catch (error) {
        this.fail(
          error instanceof LimitError ? error : new Error(`the sandbox sent what is not its protocol: ${error}`),
        );
      }
    });
    socket.on('error', () => {});
    void machine.exited.then(({ signal }) =>
      this.fail(new Error(`the sandbox's process ended by itself (${signal ?? 'without a signal'})`)),
    );
    this.#closers.push(
      watchMemory(
        () => [machine.pid, ...this.#wasi.pids(), ...this.#images.pids()],
        limits.memoryMiB,
        (used) => this.#cross('memoryMiB', used),
      ),
    );
  }

  /** Tells the machine its limits; the first call. */
  async configure(): Promise<void> {
    const { files, treeBytes, outputBytes } = this.#limits;
    await this.#call('configure', { files, treeBytes, outputBytes, nodeVersion: process.version });
  }

  onClose(closer: () => void): void {
    this.#closers.push(closer);
  }

  /**
   * Copies a directory of the host into the machine: files, directories, and links that stay inside it.
   *
   * @param path absolute path in the machine, created where it is missing
   * @throws Error when a link leads out of the directory
   */
  async importDirectory(directory: string, path: string): Promise<void> {
    for await (const batch of readDirectory(directory, path)) await this.#sendFiles(encodeEntries(batch));
    await this.#call('sync', null);
  }

  /**
   * Unpacks a tar archive into the machine.
   *
   * @throws Error when an entry or a link of it leads out of `into`, or is neither file, directory nor link
   */
  async writeTar(
    archive: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Uint8Array,
    { into }: { into: string },
  ): Promise<void> {
    for await (const batch of readTar(archive, into)) await this.#sendFiles(encodeEntries(batch));
    await this.#call('sync', null);
  }

  /** Puts entries with absolute paths into the machine. */
  async writeEntries(entries: Iterable<TreeEntry>): Promise<void> {
    await this.#sendFiles(encodeEntries(entries));
    await this.#call('sync', null);
  }

  async #sendFiles(batches: Iterable<Uint8Array>): Promise<void> {
    for (const batch of batches) {
      this.#rpc.sendFrame(channels.files, 0, batch);
      // Never more than a few batches on their way, however large the tree is.
      while (this.#machine.socket.bufferedAmount > 8 << 20) await new Promise((resolve) => setTimeout(resolve, 1));
      if (this.#failure) throw this.#failure;
    }
  }

  /**
   * What was created, changed or deleted below `path` since it was imported. Paths are relative to `path`.
   */
  async exportChanges(path: string): Promise<TreeEntry[]> {
    const collector = new EntryCollector(this.#limits);
    const { id, answer } = this.#rpc.call('changes', path);
    this.#exports.set(id, collector);
    try {
      await answer;
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      this.#exports.delete(id);
    }
    return collector.entries;
  }

  /** Runs a line of shell to its end. */
  async run(line: string, options: CommandOptions = {}): Promise<Exit> {
    return this.spawn('sh', ['-c', line], options).exited;
  }

  /**
   * Starts a command.
   *
   * @param name a program of the machine, or a file of its tree
   */
  spawn(name: string, args: readonly string[] = [], options: CommandOptions = {}): Child {
    const { cwd = '/', env = {}, stdin, onStdout = () => {}, onStderr = () => {}, signal } = options;
    const { id, answer } = this.#rpc.call('spawn', { argv: [name, ...args], cwd, env });
    this.#running.set(id, { onStdout, onStderr, output: 0 });
    const kill = (which = 'SIGTERM') => void this.#call('kill', { id, signal: which }).catch(() => {});
    const child: Omit<Child, 'exited'> = {
      writeStdin: (chunk) =>
        this.#rpc.sendFrame(channels.stdin, id, typeof chunk === 'string' ? Buffer.from(chunk) : chunk),
      endStdin: () => void this.#call('endStdin', id).catch(() => {}),
      kill,
    };
    if (stdin !== undefined && stdin !== 'pipe') child.writeStdin(stdin);
    if (stdin !== 'pipe') child.endStdin();

    const wall = setTimeout(() => this.#cross('wallMs', this.#limits.wallMs), this.#limits.wallMs);
    let killTimer: NodeJS.Timeout | undefined;
    const abort = () => {
      kill('SIGTERM');
      killTimer = setTimeout(() => this.fail(new Error('a command did not end after it was cancelled')), killAfterMs);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    const exited = answer
      .catch((error: unknown) => {
        if (error instanceof RemoteError && error.code === 'ENOENT') {
          onStderr(Buffer.from(`${name}: command not found\n`));
          return { exitCode: 127, signal: null };
        }
        throw this.#failure ?? error;
      })
      .then(toExit)
      .finally(() => {
        clearTimeout(wall);
        clearTimeout(killTimer);
        signal?.removeEventListener('abort', abort);
        this.#running.delete(id);
      });
    // Whoever does not wait for the command need not take its failure.
    exited.catch(() => {});
    return { ...child, exited };
  }

  /** Kills the machine; commands under way fail. */
  async close(): Promise<void> {
    this.fail(new Error('the sandbox is closed'));
    await this.#closed;
  }

  /** Kills the machine for a reason, with which everything under way fails. */
  fail(reason: Error): void {
    if (this.#closed) return;
    this.#failure = reason;
    this.#rpc.close(reason);
    for (const closer of this.#closers) closer();
    this.#machine.socket.terminate();
    this.#closed = Promise.all([
      this.#machine.kill(),
      this.#gateway.close(),
      this.#wasi.close(),
      this.#images.close(),
    ]).then(() => {});
  }

  #cross(limit: keyof Limits, used: number): void {
    this.fail(new LimitError(limit, this.#limits[limit], used));
  }

  async #call(method: string, params: unknown): Promise<unknown> {
    try {
      return await this.#rpc.call(method, params).answer;
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  #receive(channel: number, id: number, payload: Uint8Array): void {
    if (this.#wasi.receive(channel, id, payload)) return;
    if (channel === channels.files && this.#images.receive(id, payload)) return;
    if (channel === channels.files) {
      this.#exports.get(id)?.add(payload);
      return;
    }
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.output += payload.length;
    if (running.output > this.#limits.outputBytes) this.#cross('outputBytes', running.output);
    else if (channel === channels.stdout) running.onStdout(payload);
    else if (channel === channels.stderr) running.onStderr(payload);
  }
}

function toExit(value: unknown): Exit {
  const { exitCode, signal } = (value ?? {}) as { exitCode?: unknown; signal?: unknown };
  return {
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    signal: typeof signal === 'string' ? signal : null,
  };
}
