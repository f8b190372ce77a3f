import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';

export interface GitResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A repository with the real git, which goes when the test ends. */
export class WorkingCopy {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** A repository without commits. */
  static async empty(): Promise<WorkingCopy> {
    const path = await mkdtemp(join(tmpdir(), 'islet-work-'));
    onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
    const work = new WorkingCopy(path);
    await work.ok('init', '--quiet', '--initial-branch', 'main');
    return work;
  }

  /** A repository with one commit of these files. */
  static async create(files: Record<string, string | Uint8Array>): Promise<WorkingCopy> {
    const work = await WorkingCopy.empty();
    await work.write(files);
    await work.commit('First');
    return work;
  }

  /** @param options of git itself and of `git clone` */
  static async clone(url: string, ...options: string[]): Promise<WorkingCopy> {
    const work = await WorkingCopy.empty();
    await work.ok(
      ...options.filter((_, i) => isConfig(options, i)),
      'clone',
      '--quiet',
      ...options.filter((_, i) => !isConfig(options, i)),
      url,
      'clone',
    );
    return new WorkingCopy(join(work.path, 'clone'));
  }

  async write(files: Record<string, string | Uint8Array>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(this.path, name)), { recursive: true });
      await writeFile(join(this.path, name), content);
    }
  }

  async commit(message: string): Promise<string> {
    await this.ok('add', '--all');
    await this.ok('commit', '--quiet', '--allow-empty', '--message', message);
    return (await this.ok('rev-parse', 'HEAD')).stdout.trim();
  }

  async commitAt(date: string, message: string): Promise<void> {
    await this.ok('add', '--all');
    await this.gitWith({ GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }, 'commit', '--quiet', '--message', message);
  }

  /** Writes a file, and gives its path. */
  async writeOne(name: string, content: Uint8Array): Promise<string> {
    await this.write({ [name]: content });
    return join(this.path, name);
  }

  /** Runs git, with nothing of the machine's own configuration. */
  git(...args: string[]): Promise<GitResult> {
    return this.gitWith({}, ...args);
  }

  /** Runs git with these variables, and `input` on its standard input. */
  gitWith({ input, ...variables }: Record<string, string> & { input?: string }, ...args: string[]): Promise<GitResult> {
    const env = {
      PATH: process.env.PATH,
      HOME: this.path,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
      ...variables,
    };
    const { promise, resolve } = Promise.withResolvers<GitResult>();
    const options = { cwd: this.path, env, timeout: 120_000, maxBuffer: 256 * 1024 * 1024 };
    const child = execFile('git', args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr });
    });
    // git may end before it has read all, or any, of it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
    return promise;
  }

  /** Runs git, which must succeed. */
  async ok(...args: string[]): Promise<GitResult> {
    const result = await this.git(...args);
    if (result.code !== 0) throw new Error(`git ${args.join(' ')} ended with ${result.code}:\n${result.stderr}`);
    return result;
  }

  /** All objects that refs reach, with type and size. */
  async objects(): Promise<string[]> {
    const { stdout } = await this.ok('rev-list', '--objects', '--no-object-names', 'HEAD', '--branches', '--tags');
    const sizes = await this.gitWith({ input: stdout }, 'cat-file', '--batch-check');
    return sizes.stdout.trim().split('\n').sort();
  }

  /** That another repository has the same objects and is sound. */
  async expectSameAs(other: WorkingCopy): Promise<void> {
    const fsck = await other.git('fsck', '--full', '--strict');
    expect(fsck.stderr.replace(/^Checking .*\n|^notice: .*\n/gm, '')).toBe('');
    expect(fsck.code).toBe(0);
    expect(await other.objects()).toEqual(await this.objects());
  }
}

const isConfig = (options: string[], i: number): boolean => options[i] === '-c' || options[i - 1] === '-c';
