import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerConfig } from '../edge/runner/config.ts';
import { Child, type ChildOptions } from './child.ts';
import type { Socket } from './listen.ts';
import { fastAllocation, workerd } from './workerd.ts';

interface RunnerProcessesOptions {
  /** The public sockets: of IPv4 and, where there are two, of IPv6. */
  listening: Socket[];
  /** How many runners all apps share; those with higher numbers are for one app alone. */
  shared: number;
  edgePort: number;
  idleMs: number;
  /** What every runner gets as its environment. */
  env: Record<string, string>;
  /** A directory for files of this start. */
  run: string;
  report: (line: string) => void;
}

/** Writes the configuration of runners, and starts their processes. */
export class RunnerProcesses {
  readonly #options: RunnerProcessesOptions;

  constructor(options: RunnerProcessesOptions) {
    this.#options = options;
  }

  /** @param script path of the bundled Worker that runners started from now on run */
  configure(script: string): void {
    const { edgePort, listening, idleMs } = this.#options;
    for (const lone of [false, true]) {
      const config = runnerConfig({
        script,
        edge: `127.0.0.1:${edgePort}`,
        ipv6: listening.length > 1,
        lone,
        timeouts: { idleMs },
      });
      writeFileSync(this.#config(lone), config);
    }
  }

  /** Starts the runner with this number. */
  start(index: number, socket: Socket, { onLine, onCrash }: Pick<ChildOptions, 'onLine' | 'onCrash'>): Child {
    const { listening, shared, env, report } = this.#options;
    const isLone = index >= shared;
    const names = ['http', 'http6'];
    const publics = isLone ? [] : listening.map(({ fd }, i) => [names[i], fd] as const);
    const sockets = [...publics, ['private', socket.fd] as const];
    const descriptors = sockets.map(([name], i) => `--socket-fd=${name}=${i + 3}`);
    return new Child({
      name: `runner ${index}`,
      command: workerd,
      args: ['serve', '--experimental', ...descriptors, this.#config(isLone)],
      env: { ...env, ...fastAllocation, RUNNER: String(index) },
      sockets: sockets.map(([, fd]) => fd),
      onLine,
      onCrash,
      report,
    });
  }

  #config(lone: boolean): string {
    return join(this.#options.run, lone ? 'lone-runner.capnp' : 'runner.capnp');
  }
}
