/**
 * The process in which the programs of a toolchain run: WebAssembly, some at once, each in a thread of its own with files
 * of its own. It has Node's permission model around it, so that it can read what is mounted and write its output.
 */
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { FromProcess, ToolchainOptions, ToolRequest, ToProcess } from './protocol.ts';
import type { FromThread, ToThread } from './thread.ts';

let options: ToolchainOptions | undefined;
const modules = new Map<string, Promise<WebAssembly.Module>>();
const idle: Worker[] = [];
const queue: { id: number; request: ToolRequest }[] = [];
/** What threads wait for, by a number of this process. */
const wanting = new Map<number, { thread: Worker; want: number }>();
let threads = 0;
let count = 0;

const send = (message: FromProcess): void => void process.send?.(message);

function moduleOf(name: string): Promise<WebAssembly.Module> {
  const file = options?.programs[name];
  if (file === undefined) throw new RangeError(`There is no program ${name}.`);
  const known = modules.get(name) ?? readFile(file).then((bytes) => WebAssembly.compile(bytes));
  modules.set(name, known);
  return known;
}

function startThread({ mounts, output }: ToolchainOptions): Worker {
  threads += 1;
  const thread = new Worker(new URL('thread.ts', import.meta.url), { workerData: { mounts, output }, env: {} });
  thread.on('message', (message: FromThread) => {
    if ('want' in message) {
      const want = ++count;
      wanting.set(want, { thread, want: message.want });
      send({ want, path: message.path });
      return;
    }
    send(message);
    idle.push(thread);
    next();
  });
  thread.on('error', (error) => {
    throw error;
  });
  return thread;
}

function next(): void {
  if (!options || queue.length === 0) return;
  const thread = idle.pop() ?? (threads < options.parallelism ? startThread(options) : undefined);
  const job = thread && queue.shift();
  if (!job) return;
  moduleOf(job.request.program).then(
    (module) => thread.postMessage({ id: job.id, module, request: job.request } satisfies ToThread),
    (error: unknown) => {
      send({ id: job.id, error: String(error) });
      idle.push(thread);
    },
  );
}

process.on('message', (message: ToProcess) => {
  if ('start' in message) options = message.start;
  else if ('run' in message) {
    queue.push({ id: message.id, request: message.run });
    next();
  } else {
    const waiting = wanting.get(message.found);
    wanting.delete(message.found);
    waiting?.thread.postMessage({ found: waiting.want, what: message.what } satisfies ToThread);
  }
});
process.on('disconnect', () => process.exit());
