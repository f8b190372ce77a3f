/** The other end of lib/processes.php: starts the machine's programs. */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';

/** PHP's own functions that those of lib/processes.php take the place of. */
export const REPLACED = [
  ...['proc_open', 'proc_close', 'proc_get_status', 'proc_terminate', 'stream_select'],
  ...['exec', 'shell_exec', 'system', 'passthru', 'popen', 'pclose'],
];

interface Order {
  /** A line for the shell, or the words of a command. */
  command: string | string[];
  directory: string;
  environment: Record<string, string>;
  /** base64 */
  input: string;
  /** What becomes of standard output and standard error. */
  streams: ('pipe' | 'inherit')[];
}

/**
 * Lets PHP start programs.
 *
 * @param place of a path as the engine has it, where the machine has it
 */
export function letSpawn(place: (path: string) => string): void {
  Object.assign(globalThis, { isletSpawn: (order: string) => run(JSON.parse(order) as Order, place) });
}

async function run(order: Order, place: (path: string) => string): Promise<string> {
  const { command, directory, environment, input, streams } = order;
  const [program = '', ...args] =
    typeof command === 'string' ? ['sh', '-c', command.replace(/^\s*exec\s+/, '')] : command;
  const [out = 'pipe', err = 'pipe'] = streams;
  const child = spawn(program, args, {
    cwd: place(directory),
    env: { ...environment, PATH: (environment.PATH ?? '').split(':').map(place).join(':') },
    stdio: ['pipe', out, err],
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(Buffer.from(input, 'base64'));
  const collected = Promise.all(
    [child.stdout, child.stderr].map(async (stream) => (stream ? (await buffer(stream)).toString('base64') : '')),
  );
  const status = await new Promise<number>((resolve) => {
    child.on('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 128));
  });
  return JSON.stringify({ status, output: status === 127 && !child.stdout ? ['', ''] : await collected });
}
