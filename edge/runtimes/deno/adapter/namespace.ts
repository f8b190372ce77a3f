/** The namespace `Deno` ("Deno APIs", Deno manual), as far as there is a process in an isolate. */
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { decodeName } from '../../node/adapter/files.ts';
import type { DenoServer } from './server.ts';

/** The version of Deno whose APIs these are. */
const VERSION = { deno: '2.5.0', typescript: '5.9.2' };

/** What is not there, and what takes its place. */
const ABSENT: Record<string, string> = {
  openKv: 'Keep what is to last in a database that is reached by HTTP.',
  cron: 'Start a process type that waits: `clock: deno run -A clock.ts`.',
  Command: 'An isolate starts no other programs.',
  run: 'An isolate starts no other programs.',
  dlopen: 'Native code does not run here; WebAssembly does.',
  listen: 'Serve HTTP by Deno.serve.',
  listenTls: 'Serve HTTP by Deno.serve; the platform has TLS before it.',
  listenDatagram: 'Serve HTTP by Deno.serve.',
  serveHttp: 'Serve HTTP by Deno.serve.',
  connect: 'Use node:net, or fetch.',
  connectTls: 'Use node:tls, or fetch.',
  startTls: 'Use node:tls.',
  resolveDns: 'Use node:dns.',
};

/**
 * Puts `Deno` among the globals.
 *
 * @param server what `Deno.serve` serves by
 */
export async function publishDeno(server: DenoServer): Promise<void> {
  // What it takes of the process it takes when it is loaded.
  const { Deno: shim } = await import('@deno/shim-deno');
  const absent = Object.fromEntries(
    Object.entries(ABSENT).map(([name, instead]) => [
      name,
      // A class can be called as one, a function as the other.
      () => {
        throw Object.assign(new Error(`Deno.${name} is not there on Islet. ${instead}`), { name: 'NotSupported' });
      },
    ]),
  );
  const { v8 = '' } = process.versions;
  const Deno = {
    ...shim,
    ...absent,
    version: { ...VERSION, v8 },
    build: {
      ...shim.build,
      target: 'x86_64-unknown-linux-gnu',
      os: 'linux',
      arch: 'x86_64',
      vendor: 'unknown',
      env: 'gnu',
      standalone: false,
    },
    async *readDir(path: string | URL) {
      for await (const entry of shim.readDir(path)) yield { ...entry, name: decodeName(entry.name) };
    },
    *readDirSync(path: string | URL) {
      for (const entry of shim.readDirSync(path)) yield { ...entry, name: decodeName(entry.name) };
    },
    mainModule: pathToFileURL(process.argv[1] ?? '').href,
    noColor: true,
    env: environment(),
    serve: server.serve.bind(server),
    upgradeWebSocket: server.upgradeWebSocket.bind(server),
    exit: (code?: number): never => process.exit(code ?? Number(process.exitCode ?? 0)),
    addSignalListener: (signal: NodeJS.Signals, listener: () => void): void => void process.on(signal, listener),
    removeSignalListener: (signal: NodeJS.Signals, listener: () => void): void => void process.off(signal, listener),
    unrefTimer() {},
    refTimer() {},
    // Nothing is asked for: what an isolate may not do it cannot do.
    permissions: permissions(),
    test() {},
    bench() {},
  };
  Object.defineProperty(Deno, 'exitCode', {
    enumerable: true,
    get: () => Number(process.exitCode ?? 0),
    set: (code: number) => {
      process.exitCode = code;
    },
  });
  Object.defineProperty(Deno, 'pid', { enumerable: true, value: process.pid });
  Object.defineProperty(globalThis, 'Deno', { value: Deno, configurable: true, writable: true });
  Object.defineProperty(globalThis, 'navigator', {
    value: {
      userAgent: `Deno/${VERSION.deno}`,
      hardwareConcurrency: 1,
      language: 'en-US',
      languages: ['en-US'],
      platform: 'linux',
    },
    configurable: true,
  });
}

const environment = () => ({
  get: (name: string): string | undefined => process.env[name],
  set: (name: string, value: string): void => {
    process.env[name] = value;
  },
  has: (name: string): boolean => name in process.env,
  delete: (name: string): void => {
    delete process.env[name];
  },
  toObject: (): Record<string, string> => ({ ...process.env }) as Record<string, string>,
});

function permissions() {
  const status = Object.assign(new EventTarget(), { state: 'granted', onchange: null, partial: false });
  return {
    query: async () => status,
    request: async () => status,
    revoke: async () => status,
    querySync: () => status,
    requestSync: () => status,
    revokeSync: () => status,
  };
}
