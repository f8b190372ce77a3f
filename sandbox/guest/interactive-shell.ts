import type { Pipe } from './pipe.ts';
import { childrenOf, runShell } from './shell.ts';
import type { Task } from './task.ts';

const text = (value: string) => Buffer.from(value);

/**
 * `sh -i`: prompts, and runs a line at a time until `exit` or the end of the input. Variables and the directory stay from
 * line to line; functions and aliases do not.
 *
 * @returns the exit code of the last line, or what `exit` says
 */
export async function runInteractive(task: Task): Promise<number> {
  let status = 0;
  let running: AbortController | undefined;
  task.onSignal = (signal) => {
    if (signal !== 'SIGINT') return false;
    for (const child of childrenOf(task)) child.kill(signal);
    if (running) running.abort();
    else task.write(1, prompt(task));
    return true;
  };
  for (;;) {
    task.write(1, prompt(task));
    const line = await readLine(task.stdin);
    if (line === null) {
      task.write(1, text('exit\n'));
      return status;
    }
    const exit = /^\s*(?:exit|logout)(?:\s+(\d+))?\s*;?\s*$/.exec(line);
    if (exit) return exit[1] === undefined ? status : Number(exit[1]) & 0xff;
    if (line.trim() === '') continue;
    running = new AbortController();
    status = await runLine(task, line, running.signal);
    running = undefined;
  }
}

async function runLine(task: Task, line: string, signal: AbortSignal): Promise<number> {
  try {
    return await runShell(task, line, {
      signal,
      onEnd(env) {
        task.env = { ...env };
        task.cwd = env.PWD ?? task.cwd;
      },
    });
  } catch (error) {
    if (signal.aborted) return 130;
    task.write(2, text(`sh: ${error instanceof Error ? error.message : error}\n`));
    return 2;
  }
}

/** `~/public $ `, as on a dyno. */
function prompt({ cwd, env }: Task): Uint8Array {
  const home = env.HOME ?? '';
  const inside = home !== '' && (cwd === home || cwd.startsWith(`${home}/`));
  return text(`${inside ? `~${cwd.slice(home.length)}` : cwd} $ `);
}

/** A line without its end; null at the end of the input. */
async function readLine(stdin: Pipe): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await stdin.read();
    if (chunk === null) return chunks.length > 0 ? Buffer.concat(chunks).toString() : null;
    const end = chunk.indexOf(0x0a);
    if (end < 0) {
      chunks.push(chunk);
      continue;
    }
    stdin.unread(chunk.subarray(end + 1));
    chunks.push(chunk.subarray(0, end));
    return Buffer.concat(chunks).toString();
  }
}
