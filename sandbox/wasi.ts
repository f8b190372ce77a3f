/** The Wasmer engine: WASI commands of a machine, in one process of their own that starts with the first of them. */
import type { ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EntryCollector } from './collector.ts';
import { endConfined, startConfined } from './confined.ts';
import type { Limits } from './limits.ts';
import { channels, type Exit, type TreeEntry } from './protocol.ts';
import type { WasiReport, WasiRequest } from './wasi-process.ts';

/** What a command hands out before its end. */
export interface WasiSinks {
  onOutput: (channel: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  /** Takes what it created, changed or deleted, relative to its directory. */
  onChanges: (entries: TreeEntry[]) => void;
}

interface Run extends PromiseWithResolvers<Exit> {
  sinks: WasiSinks;
}

const processFile = fileURLToPath(new URL('wasi-process.ts', import.meta.url));
const sdk = dirname(dirname(fileURLToPath(import.meta.resolve('@wasmer/sdk/node'))));

export class WasiEngine {
  readonly #runs = new Map<number, Run>();
  /** Files and standard input of commands that have still to start. */
  readonly #expected = new Map<number, { tree: EntryCollector; stdin: Uint8Array }>();
  readonly #limits: Limits;
  #process: ChildProcess | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Processes whose memory is the machine's. */
  pids(): number[] {
    return this.#process?.pid === undefined ? [] : [this.#process.pid];
  }

  /** Says that the frames of an id belong to a command to come: there is one at a time. */
  expect(id: number): null {
    this.#expected.clear();
    this.#expected.set(id, { tree: new EntryCollector(this.#limits), stdin: new Uint8Array() });
    return null;
  }

  /** @returns whether the frame was for a command to come */
  receive(channel: number, id: number, payload: Uint8Array): boolean {
    const expected = this.#expected.get(id);
    if (expected === undefined) return false;
    if (channel === channels.files) expected.tree.add(payload);
    else if (channel === channels.stdin) expected.stdin = payload;
    return true;
  }

  /**
   * Runs one command in the directory that its files make.
   *
   * @param params from the machine, which is not trusted: `argv`, `env`, and the path of the program's own file
   * @throws Error when the program is no WASI program, or its process ended
   */
  async run(params: unknown, id: number, sinks: WasiSinks): Promise<Exit> {
    const { argv, env, module } = checkParams(params);
    const expected = this.#expected.get(id);
    const files = expected?.tree.entries ?? [];
    this.#expected.delete(id);
    const program = files.find((entry) => entry.path === module);
    if (program?.type !== 'file') throw new TypeError('the program itself did not come');
    const run: Run = { ...Promise.withResolvers<Exit>(), sinks };
    this.#runs.set(id, run);
    this.#post({
      run: {
        id,
        argv,
        env,
        program: program.content,
        files: files.filter((entry) => entry !== program),
        stdin: expected?.stdin ?? new Uint8Array(),
      },
    });
    try {
      return await run.promise;
    } finally {
      this.#runs.delete(id);
    }
  }

  /** Ends a command, if it runs. */
  kill(id: number): null {
    if (this.#runs.has(id)) this.#post({ kill: id });
    return null;
  }

  async close(): Promise<void> {
    await endConfined(this.#process);
  }

  #post(request: WasiRequest): void {
    this.#process ??= this.#start();
    this.#process.send(request);
  }

  /** Starts the process, with Node's permission model as a second wall. */
  #start(): ChildProcess {
    const { child, lastWords } = startConfined(processFile, { readable: [sdk, dirname(processFile)] });
    child.on('message', (message) => this.#receiveReport(message as WasiReport));
    child.once('exit', (code, signal) => {
      this.#process = undefined;
      const reason = new Error(`the WASI engine ended (${signal ?? code}) ${lastWords()}`.trim());
      for (const { reject } of this.#runs.values()) reject(reason);
    });
    return child;
  }

  #receiveReport(report: WasiReport): void {
    const run = this.#runs.get(report.id);
    if ('chunk' in report) run?.sinks.onOutput(report.fd === 1 ? 'stdout' : 'stderr', report.chunk);
    else if ('exit' in report) {
      run?.sinks.onChanges(report.changes);
      run?.resolve(report.exit);
    } else run?.reject(new Error(report.error));
  }
}

/** @throws TypeError */
function checkParams(params: unknown): { argv: string[]; env: Record<string, string>; module: unknown } {
  const { argv, env, module } = (params ?? {}) as { argv?: unknown; env?: unknown; module?: unknown };
  if (!Array.isArray(argv) || !argv.every((word) => typeof word === 'string'))
    throw new TypeError('argv is no list of words');
  if (typeof env !== 'object' || env === null) throw new TypeError('env is no environment');
  const variables = Object.entries(env).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { argv, env: Object.fromEntries(variables), module };
}
