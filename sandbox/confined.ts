/** Processes of trusted code that do a machine's work beside it, apart from this one. */
import { type ChildProcess, fork } from 'node:child_process';

export interface Confined {
  child: ChildProcess;
  /** The end of what it wrote to standard error. */
  lastWords(): string;
}

/**
 * Starts a Node process with an empty environment under Node's permission model: it may start threads, read what it is
 * told, and nothing else: no other file, no socket, no process. What it has to say comes over the IPC channel.
 *
 * @param file absolute path of its main module
 * @param readable directories that it may read
 * @param preload absolute path of a CommonJS module that each of its threads loads first
 */
export function startConfined(file: string, { readable, preload }: { readable: string[]; preload?: string }): Confined {
  const child = fork(file, {
    cwd: '/',
    env: {},
    execArgv: [
      '--permission',
      '--allow-worker',
      ...readable.map((directory) => `--allow-fs-read=${directory}`),
      '--disable-warning=SecurityWarning',
      ...(preload === undefined ? [] : ['--require', preload]),
    ],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk).slice(-2000);
  });
  child.on('error', () => {});
  return { child, lastWords: () => words };
}

export async function endConfined(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}
