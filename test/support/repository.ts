import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const apps = fileURLToPath(new URL('../apps', import.meta.url));

export interface GitResult {
  code: number;
  /** Standard error: where git puts what the remote says. */
  stderr: string;
  stdout: string;
}

/** A working copy with real git, of a fixture app or of files given. */
export class Repository {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param source a folder of test/apps or any other, or file names with their contents */
  static async create(source: string | Record<string, string>): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), 'islet-repository-')));
    if (typeof source === 'string') {
      await cp(resolve(apps, source), repository.path, { recursive: true });
    } else {
      await repository.write(source);
    }
    await repository.git('init', '--quiet', '--initial-branch', 'main');
    await repository.commit('First version');
    return repository;
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.path, name)), { recursive: true });
      await writeFile(join(this.path, name), text);
    }
  }

  async commit(message: string): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', message);
    return (await this.git('rev-parse', 'HEAD')).stdout.trim();
  }

  /** Runs git here, with nothing of the machine's own configuration. */
  git(...args: string[]): Promise<GitResult> {
    const env = {
      PATH: process.env.PATH,
      HOME: this.path,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    };
    const { promise, resolve } = Promise.withResolvers<GitResult>();
    execFile(
      'git',
      args,
      { cwd: this.path, env, timeout: 180_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
        resolve({ code, stdout, stderr });
      },
    );
    return promise;
  }

  async destroy(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
