/** A thread of process.ts: runs one program after the other. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { hostDirectory, memoryFile, Root } from './mount.ts';
import { runProgram } from './program.ts';
import type { Found, ToolchainOptions, ToolRequest, ToolResult } from './protocol.ts';

export type ToThread =
  | { id: number; module: WebAssembly.Module; request: ToolRequest }
  | { found: number; what: Found };

export type FromThread =
  | { id: number; result: ToolResult }
  | { id: number; error: string }
  | { want: number; path: string };

const { mounts, output } = workerData as Pick<ToolchainOptions, 'mounts' | 'output'>;
const waiting = new Map<number, (what: Found) => void>();
let count = 0;

const send = (message: FromThread): void => parentPort?.postMessage(message);

async function run(module: WebAssembly.Module, request: ToolRequest): Promise<ToolResult> {
  const root = new Root();
  for (const [path, directory] of Object.entries(mounts)) root.put(path, hostDirectory(directory));
  for (const [path, text] of Object.entries(request.files)) root.put(path, memoryFile(text));
  for (const path of request.owned) root.own(path);
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const asked = new Set<string>();
  const before = (path: string): Promise<void> | undefined => {
    if (!request.wants.some((wanted) => wanted.test(path)) || asked.has(path) || root.has(path)) return undefined;
    asked.add(path);
    const want = ++count;
    send({ want, path });
    return new Promise((resolve) => {
      waiting.set(want, (what) => {
        if (what) root.put(path, 'file' in what ? memoryFile(what.file) : hostDirectory(what.directory));
        resolve();
      });
    });
  };
  const exitCode = await runProgram(module, {
    ...request,
    root,
    onStdout: (chunk) => stdout.push(chunk),
    onStderr: (chunk) => stderr.push(chunk),
    before: request.wants.length > 0 ? before : undefined,
  });
  for (const [path, name] of Object.entries(request.outputs)) {
    const content = root.read(path);
    if (content) writeFileSync(join(output, name), content);
  }
  return { exitCode, stdout: text(stdout), stderr: text(stderr) };
}

const text = (chunks: Uint8Array[]): string => Buffer.concat(chunks).toString();

parentPort?.on('message', (message: ToThread) => {
  if ('found' in message) {
    waiting.get(message.found)?.(message.what);
    waiting.delete(message.found);
    return;
  }
  const { id, module, request } = message;
  run(module, request)
    .then(
      (result): FromThread => ({ id, result }),
      (error: unknown): FromThread => ({ id, error: error instanceof Error ? error.message : String(error) }),
    )
    .then((answer) => {
      // A program's memory is hundreds of MiB, and V8 is in no hurry to give it back.
      globalThis.gc?.();
      send(answer);
    });
});
