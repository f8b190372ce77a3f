/** The configuration of a runner: the Worker of runner/index.ts in plain workerd. */

import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Timeouts } from '../runtimes/timeouts.ts';

export interface RunnerConfigOptions {
  /** Absolute path of the bundled Worker. */
  script: string;
  /** The edge's address on loopback: `127.0.0.1:4000`. */
  edge: string;
  /** Whether the public socket has a twin on ::1, named `http6`. */
  ipv6: boolean;
  /** Whether it is for one app alone, and has only the private socket. */
  lone?: boolean;
  /** Instead of Heroku's own. */
  timeouts?: Partial<Timeouts>;
}

/** What a runner takes from its environment, besides INTERNAL_SECRET. */
const VARIABLES = ['INTERNAL_SECRET', 'RUNNERS', 'LONE_RUNNERS', 'RUNNER', 'TRACE', 'APPS_DOMAIN', 'PUBLIC_PORT'];

/** Public addresses that stand for others, of private networks too: NAT64 (RFC 6052) and 6to4 (RFC 3056). */
const translated = ['64:ff9b::/96', '2002::/16'];

/** A machine may have a public address, and no firewall keeps it from itself. */
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address, family }) => `${address}/${family === 'IPv6' ? 128 : 32}`);

/**
 * The text of a config file for `workerd serve --experimental`. Its sockets have no addresses: they are given as
 * `--socket-fd http=3`, `http6` where there is one, and `private`. Secrets come from the environment. No flags of V8: with
 * any, the compiled code that workerd brings for new isolates does not fit, and an app takes half as long again to start.
 */
export function runnerConfig({ script, edge, ipv6, lone = false, timeouts = {} }: RunnerConfigOptions): string {
  const publicSocket = (name: string) => `(name = "${name}", http = (), service = "runner")`;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "runner", worker = .runner),
    (name = "edge", external = (address = ${JSON.stringify(edge)}, http = ())),
    # The other runners.
    (name = "loopback", network = (allow = ["local"], deny = [])),
    # What apps reach: the public internet and nothing on this machine.
    (name = "internet", network = (
      allow = ["public"],
      deny = ${JSON.stringify([...translated, ...ownAddresses()])},
      tlsOptions = (trustBrowserCas = true),
    )),
  ],
  sockets = [
    ${lone ? '' : `${publicSocket('http')},`}
    ${ipv6 && !lone ? `${publicSocket('http6')},` : ''}
    (name = "private", http = (), service = (name = "runner", entrypoint = "Private")),
  ],
);

const runner :Workerd.Worker = (
  modules = [(name = "runner.js", esModule = ${text(readFileSync(script, 'utf8'))})],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["experimental"],
  bindings = [
    (name = "LOADER", workerLoader = ()),
    (name = "DYNO", durableObjectNamespace = "Dyno"),
    (name = "EDGE", service = "edge"),
    (name = "INTERNET", service = "internet"),
    (name = "TIMEOUTS", text = ${JSON.stringify(JSON.stringify(timeouts))}),
    ${VARIABLES.map((name) => `(name = "${name}", fromEnvironment = "${name}"),`).join('\n    ')}
  ],
  globalOutbound = "loopback",
  durableObjectNamespaces = [(className = "Dyno", uniqueKey = "dyno", preventEviction = true, enableSql = true)],
  durableObjectStorage = (inMemory = void),
);
`;
}

/** A text literal; workerd's `embed` takes no absolute paths. Cap'n Proto knows JSON's escapes but for \\u. */
const text = (value: string): string =>
  JSON.stringify(value).replace(/\\(?:u([0-9a-f]{4})|.)/g, (found, code) =>
    code ? [...Buffer.from(String.fromCharCode(Number.parseInt(code, 16)))].map(byte).join('') : found,
  );

const byte = (value: number): string => `\\x${value.toString(16).padStart(2, '0')}`;
