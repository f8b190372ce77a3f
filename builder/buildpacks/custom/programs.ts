import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Sandbox } from '../../../sandbox/index.ts';
import { isWasm } from './wasm.ts';

/** Where things stand in the machine. All that a WASI program sees is the directory that it runs in. */
export const places = {
  root: '/build',
  app: '/build/app',
  cache: '/build/cache',
  env: '/build/env',
  buildpack: '/buildpack',
};

export type ProgramName = 'detect' | 'compile' | 'release';

export interface Ended {
  /** Null when a signal ended it. */
  exitCode: number | null;
  stdout: string;
  /** Standard output and error, in the order they came. */
  output: string;
}

/** The programs of a buildpack. */
export class Programs {
  readonly #sandbox: Sandbox;
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;

  /**
   * @param sandbox the machine, with the buildpack in its place
   * @param directory where the buildpack is on this host
   */
  constructor(sandbox: Sandbox, directory: string, env: Readonly<Record<string, string>>) {
    this.#sandbox = sandbox;
    this.#directory = directory;
    this.#env = env;
  }

  /**
   * Runs one to its end. Of a buildpack that has none of that name, it does nothing and succeeds.
   *
   * @param paths its arguments, absolute in the machine; a WASI program gets them relative to where it runs
   * @param onOutput takes what it writes, as it comes
   */
  async run(name: ProgramName, paths: readonly string[], onOutput: (text: string) => void = () => {}): Promise<Ended> {
    const command = this.#commandOf(name, paths);
    const ended = { stdout: '', output: '' };
    if (command === undefined) return { ...ended, exitCode: 0 };
    const take = (toStdout: boolean) => {
      // A character may be cut in two.
      const decoder = new TextDecoder();
      return (chunk: Uint8Array) => {
        const text = decoder.decode(chunk, { stream: true });
        ended.output += text;
        if (toStdout) ended.stdout += text;
        onOutput(text);
      };
    };
    const [program = '', ...args] = command.argv;
    const child = this.#sandbox.spawn(program, args, {
      cwd: command.cwd,
      env: { ...this.#env },
      onStdout: take(true),
      onStderr: take(false),
    });
    const { exitCode } = await child.exited;
    return { ...ended, exitCode };
  }

  /** What the file `export` of the buildpack adds to the environment of later ones. */
  async exported(): Promise<Record<string, string>> {
    const print = 'node -p "JSON.stringify(process.env)"';
    const before = await this.#environmentAfter(print);
    const after = await this.#environmentAfter(
      `[ ! -f ${places.buildpack}/export ] || . ${places.buildpack}/export >&2; ${print}`,
    );
    return Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value));
  }

  async #environmentAfter(line: string): Promise<Record<string, string>> {
    let stdout = '';
    await this.#sandbox.run(line, {
      cwd: places.app,
      env: { ...this.#env },
      onStdout: (chunk) => {
        stdout += Buffer.from(chunk);
      },
    });
    return JSON.parse(stdout);
  }

  #commandOf(name: ProgramName, paths: readonly string[]): { argv: string[]; cwd: string } | undefined {
    const { buildpack, root, app } = places;
    const relatives = paths.map((path) => relative(root, path));
    if (existsSync(join(this.#directory, 'bin', name))) {
      const program = `${buildpack}/bin/${name}`;
      return isWasm(join(this.#directory, 'bin', name))
        ? { argv: [program, ...relatives], cwd: root }
        : { argv: [program, ...paths], cwd: app };
    }
    if (!existsSync(join(this.#directory, 'buildpack.wasm'))) return undefined;
    return { argv: [`${buildpack}/buildpack.wasm`, name, ...relatives], cwd: root };
  }
}
