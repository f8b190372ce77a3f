import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Platform } from './platform.ts';

const modules = fileURLToPath(new URL('../heroku/cli/node_modules/', import.meta.url));
const binary = join(modules, 'heroku/bin/run.js');

/** How long a command may take before it is killed. Milliseconds. */
const PATIENCE_MS = 90_000;

export interface Output {
  /** The exit code; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command that runs. */
export interface Running {
  process: ChildProcess;
  /** What it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  ended: Promise<Output>;
}

/** A person's terminal with Heroku's official command line: a home and a working directory of their own. */
export class Heroku {
  /** Where the commands run. */
  readonly cwd: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(home: string, env: NodeJS.ProcessEnv) {
    this.cwd = join(home, 'work');
    this.#env = { ...env, HOME: home };
  }

  /** One that is logged in on a platform; as the operator unless `token` is someone else's. */
  static async for(platform: Platform, token: string = platform.apiKey): Promise<Heroku> {
    const home = await mkdtemp(join(tmpdir(), 'islet-heroku-'));
    const heroku = new Heroku(home, {
      PATH: [join(modules, '.bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
      HEROKU_HOST: platform.url,
      HEROKU_API_KEY: token,
      // Where it asks whether the account is overdue; it would wait for Heroku's own host.
      HEROKU_PARTICLEBOARD_URL: platform.url,
      DISABLE_TELEMETRY: 'true',
      NO_COLOR: '1',
      TERM: 'dumb',
      COLUMNS: '120',
      TZ: 'UTC',
    });
    await mkdir(heroku.cwd);
    // A person has seen the notice of terms, which is printed once.
    await mkdir(join(home, '.cache/heroku'), { recursive: true });
    await writeFile(join(home, '.cache/heroku/terms-of-service'), '');
    await writeFile(join(home, '.gitconfig'), gitConfig(platform));
    return heroku;
  }

  /** Runs a command to its end; `input` is what a person types. */
  async run(
    args: string[],
    { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Output> {
    const running = this.start(args, env);
    running.process.stdin?.end(input);
    return running.ended;
  }

  /** Starts a command that goes on by itself, such as `logs --tail`. */
  start(args: string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, [binary, ...args], { cwd: this.cwd, env: { ...this.#env, ...env } });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    }
    // It may end without reading what is typed.
    child.stdin.on('error', () => {});
    const timeout = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    const { promise: ended, resolve, reject } = Promise.withResolvers<Output>();
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timeout);
      resolve({ code, stdout: said.stdout, stderr: said.stderr });
    });
    return Object.assign(said, { process: child, ended });
  }

  async destroy(): Promise<void> {
    await rm(this.#env.HOME ?? '', { recursive: true, force: true });
  }
}

/** The command writes https remotes; see docs/api.md. */
const gitConfig = ({ url, apiKey }: Platform): string => `[user]
	name = Test
	email = test@example.com
[init]
	defaultBranch = main
[credential]
	helper = "!f() { echo username=islet; echo password=${apiKey}; }; f"
[url "${url}/"]
	insteadOf = ${url.replace('http:', 'https:')}/
`;
