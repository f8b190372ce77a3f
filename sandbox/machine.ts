/** The machine's process: plain workerd with nothing of the host in reach, and the connection to what runs in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { bundleGuest } from './guest-bundle.ts';

const workerd = (createRequire(import.meta.url)('workerd') as { default: string }).default;
/** Most bytes of one message; batches of files are far smaller, except for one with a large file. */
const maxMessageBytes = 40 << 20;
const startTimeoutMs = 15_000;
/** Users that belong to nobody: the range that systemd gives to services with `DynamicUser=`. */
const [firstUser, lastUser] = [61_184, 65_519];

export interface Machine {
  readonly pid: number;
  readonly socket: WebSocket;
  /** Directory for the machine's sockets; only this user can enter it. */
  readonly directory: string;
  /** Resolves with how the process ended. */
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  alive(): boolean;
  /** Kills the process with everything in it, and removes what it left on disk. */
  kill(): Promise<void>;
}

/** What a machine's connections go to: the gateway's socket alone, or all that is public. */
export type Network = 'gateway' | 'public';

/** workerd's configuration. */
function configuration(directory: string, network: Network): string {
  const egress =
    network === 'public'
      ? 'network = (allow = ["public"], tlsOptions = (trustBrowserCas = true))'
      : `external = (address = "unix:${directory}/egress.sock", http = (style = proxy))`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "guest", worker = .guest),
    (name = "egress", ${egress}),
  ],
  sockets = [(name = "guest", address = "unix:${directory}/guest.sock", http = (), service = "guest")],
  # As much as V8 can address, so that a machine meets its own limit of memory before V8's.
  v8Flags = ["--max-old-space-size=4000"],
);
const guest :Workerd.Worker = (
  modules = [(name = "guest.js", esModule = embed "guest.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["experimental", "allow_insecure_inefficient_logged_eval"],
  globalOutbound = "egress",
);
`;
}

/** Starts a machine and connects to it. */
async function startMachine(network: Network = 'gateway'): Promise<Machine> {
  const [source, directory] = await Promise.all([bundleGuest(), mkdtemp(join(tmpdir(), 'sandbox-'))]);
  await Promise.all([
    writeFile(join(directory, 'guest.js'), source),
    writeFile(join(directory, 'config.capnp'), configuration(directory, network)),
  ]);
  const child = await spawnUnprivileged(directory);
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const watchdog = watch(child, directory);
  const kill = async () => {
    watchdog.kill('SIGKILL');
    killGroup(child);
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const lastWords = listenToStderr(child);
    await waitForListening(child, exited, lastWords);
    const socket = await connect(join(directory, 'guest.sock'));
    const alive = () => child.exitCode === null && child.signalCode === null;
    return { pid: child.pid ?? 0, socket, directory, exited, alive, kill };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** Starts workerd, as a user of its own where this process may become one and that user may run workerd. */
async function spawnUnprivileged(directory: string): Promise<ChildProcess> {
  const start = (user: { uid?: number; gid?: number }) =>
    spawn(workerd, ['serve', '--experimental', '--control-fd=3', `${directory}/config.capnp`], {
      ...user,
      cwd: directory,
      // None of the host's environment, and a group of its own, so that the whole of it can be killed.
      env: {},
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
  if (process.getuid?.() !== 0) return start({});
  const uid = randomInt(firstUser, lastUser + 1);
  await chown(directory, uid, uid);
  const child = start({ uid, gid: uid });
  const started = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
  });
  if (started) return child;
  await chown(directory, 0, 0);
  return start({});
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/**
 * Starts a shell that waits for the end of its input, which comes when this process is gone, however it went, and then
 * kills the machine's group and removes its directory.
 */
function watch({ pid }: ChildProcess, directory: string): ChildProcess {
  const script = 'read -r _; kill -s KILL -- "-$0"; rm -rf -- "$1"';
  const watchdog = spawn('/bin/sh', ['-c', script, String(pid), directory], {
    env: {},
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => {});
  watchdog.unref();
  return watchdog;
}

/** Keeps the end of what workerd says: why it could not start. */
function listenToStderr(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-4096);
  });
  return () => text;
}

async function waitForListening(child: ChildProcess, exited: Promise<unknown>, lastWords: () => string): Promise<void> {
  const control = child.stdio[3];
  const listening = new Promise<void>((resolve) => {
    control?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('"listen"')) resolve();
    });
  });
  const timeout = new AbortController();
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`the sandbox did not start: ${lastWords()}`)), startTimeoutMs);
    timeout.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  const died = exited.then(() => {
    throw new Error(`the sandbox's process ended as it started: ${lastWords()}`);
  });
  try {
    await Promise.race([listening, late, died]);
  } finally {
    timeout.abort();
  }
}

function connect(path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws+unix:${path}:/`, { perMessageDeflate: false, maxPayload: maxMessageBytes });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

let spare: Promise<Machine> | undefined;

/**
 * Keeps a machine ready, so that the next sandbox does not wait for one to start.
 *
 * @returns ends it
 */
export function warmMachine(): () => Promise<void> {
  keepWarm = true;
  refill();
  return async () => {
    keepWarm = false;
    const machine = spare;
    spare = undefined;
    await machine?.then(({ kill }) => kill()).catch(() => {});
  };
}

let keepWarm = false;

function refill(): void {
  if (!keepWarm || spare) return;
  spare = startMachine();
  // Where it failed, the one who takes it starts another.
  spare.catch(() => {});
}

/** The machine that is ready, or a new one. A spare that has died meanwhile is no machine. */
export async function takeMachine(network: Network = 'gateway'): Promise<Machine> {
  if (network !== 'gateway') return startMachine(network);
  const ready = spare;
  spare = undefined;
  const machine = await ready?.catch(() => undefined);
  refill();
  if (machine?.socket.readyState === WebSocket.OPEN) return machine;
  await machine?.kill();
  return startMachine();
}
